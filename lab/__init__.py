"""The lab: one command line that prepares the machine, starts every process, keeps it alive and stops it.

Knows the other rooms by module name and by address only. What must run before
the environment exists (`lab.__main__`, `lab.setup.bootstrap`, `lab.setup.browser_files`,
`lab.errors`, `lab.terminal`, `lab.cli`) imports nothing but the standard library.
"""
