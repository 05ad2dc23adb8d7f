"""One module per verb: `configure(parser)` adds its options, `run(args)` executes it.

`option_values` parses values that several verbs take.
"""
