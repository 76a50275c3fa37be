// Command bench measures shipper against two others in the same run: a loop around the producer of aliyun-log-go-sdk, and
// the bare pipeline (read, split, encode, compress, hash, post and nothing else), which is what the machine has to give.
//
//	go run ./internal/bench            everything, within ten minutes
//	go run ./internal/bench -only nginx,latency -size 256 -rounds 1
//
// It builds the programs, makes its corpora in a directory of its own, runs one program at a time against a sink in this
// process, and prints figures and ratios. Absolute figures belong to the machine they were measured on; ratios travel.
//
// What it does not do: it judges nothing. A figure is no test, because a busy machine would fail it.
package main
