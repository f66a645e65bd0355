"""Deals: clauses written once over a small algebra and read twice, as rows of the plan and as exact settled money."""
