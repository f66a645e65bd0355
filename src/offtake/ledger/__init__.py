"""Books of every party: exact double entry of settled flows, statements, returns and circularity.

The only inputs are flows (`offtake.deal.flows.Flow`) and opening positions; money is whole cents in int64 throughout.  Ratios and
discounted figures are views on top and are the only floats.
"""
