"""Charts as SVG text: small, deterministic, accessible, printable.

Every chart function returns the markup of one `<svg>` with a title and a description for screen readers. The same inputs
give the same bytes. Colour is never alone: series differ in dash, pattern or position, and are labelled where they are.
"""
