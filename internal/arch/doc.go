// Package arch holds the floors of the house and the test that keeps them: which package may import which, and the one
// place where each outside library comes in. It has no code that runs in the program.
package arch
