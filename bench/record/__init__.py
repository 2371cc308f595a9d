"""What it costs a program to be recorded, and how long its trace becomes, beside heaptrack."""
