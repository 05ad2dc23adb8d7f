"""The model of what arrived, the contracts to write and ask, and the engines behind them.

Knows neither who writes nor who asks. Everything outside imports from
`store.model`, `store.api`, `store.semantics` and `store.trace` only; an engine
is reached through `store.open_store`.
"""
