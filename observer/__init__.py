"""The web screens and the JSON API over the store: RUM, APM, Logs, Workshop.

Knows the store's contracts (`signals.model`, `store.api`, `signals.semantics`,
`signals.trace_analysis`) and the incidents as data; neither an engine nor the shop's code.
"""
