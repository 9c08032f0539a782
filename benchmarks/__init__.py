"""The figures of ``docs/performance.md``: ``python -m benchmarks``, or ``make bench``.

Exporter, simulated vendor, client and floor are processes of their own, so that the CPU time of one
is not that of another. All traffic stays on loopback.
"""
