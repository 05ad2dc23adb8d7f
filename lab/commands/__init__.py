"""One module per verb: `configure(parser)` names its options, `run(args)` carries it out."""
