// Package readback reads what a Logstore has taken, through a consumer group, with the seven read permissions of
// ram.ReadActions and no other: it needs neither ListShards nor DeleteConsumerGroup. Heartbeats hand out the shards.
//
// Promise. Nothing of the Logstore is changed but the group's own checkpoints. A consumer keeps its name, so that one that starts
// anew has its shards back at once. What the service refuses is a *Refused with the verdict table's reasons.
//
// Caller: pkg/daemon/check (check, verify). It is for looking for a line that was just written, not for consuming a Logstore: logs
// are searched as they come, not decoded.
//
// Requests are made by producer.Client.Call and not by the SDK's client, whose calls take no context and repeat themselves
// for 90 s (help: consumer group interfaces, GetCursor, PullLogs; aliyun-log-go-sdk client_consumer.go, log_store.go).
package readback
