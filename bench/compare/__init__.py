"""Which allocator is how much better at what: workloads and real programs, on every allocator there is, in turns."""
