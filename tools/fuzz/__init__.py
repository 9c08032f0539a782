"""Whatever reads bytes from outside, fed by a fuzzer: what is read, the seeds, and the runs."""
