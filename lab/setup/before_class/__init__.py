"""The checks of `lab doctor --class`: what an instructor looks at before a class. Standard library only."""
