"""The lab: the command line that prepares the machine, starts every process, supervises and stops it.

Knows the other rooms by module name and by address only. What runs before the
environment exists (`lab.__main__`, `lab.setup.bootstrap`, `lab.setup.browser_files`,
`lab.errors`, `lab.terminal`, `lab.cli`) imports nothing but the standard library.
"""
