"""The report: one HTML file that shows a plan. It computes nothing."""
