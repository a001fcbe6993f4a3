"""Benchmarks on the running stack: every figure beside another of the same run, as machines and days differ."""
