"""The web screens and the JSON API over the store: RUM, APM, Logs, Workshop.

Knows the store's contracts (`store.model`, `store.api`, `store.semantics`,
`store.trace`) and the incidents as data; neither an engine nor the shop's code.
"""
