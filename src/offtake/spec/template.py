"""The first scenario that `offtake init` writes, and the header by which an editor finds the schema."""

from __future__ import annotations

from pathlib import Path

from offtake.errors import OfftakeError

__all__ = ["HEADER", "template", "write_template"]

HEADER = "# yaml-language-server: $schema={schema}\n"
"""First line of a scenario: editors with a YAML language server complete keys and show units from it."""

_TEXT = """\
# A first scenario: one site, one chip, one kind of traffic. Every value carries its unit.
#   offtake check {file}     finds every mistake at once
#   offtake plan {file}      says what to build, buy and charge
# A value may stand alone (`phase: 20 MW`) or with what is known about it:
#   phase: {{value: 20 MW, low: 10 MW, high: 40 MW, source: where it was read, assumption: or why it was chosen}}
# A value over time is written by date: {{2026-07-01: 60 MW, 2027-07-01: 125 MW}}
# All keys with their units: offtake schema
offtake: 1
name: {name}
title: {title}

valuation_date: 2026-07-01                 # the plan starts here; money spent before is sunk
grid: {{quarters: 8, half_years: 2, years: 2}}

objective:
  maximise: joint                          # or offtaker, provider, weighted
  discount_rate: 10 %/y

parties:
  offtaker:                                # develops the model, buys compute, sells tokens
    name: Lab
    discount_rate: 14 %/y
    cash: {{value: 600 M USD, low: 300 M USD, high: 900 M USD, assumption: one funding round}}
  provider:                                # builds the site, buys chips, rents them out
    name: Cloud
    discount_rate: 9.5 %/y
    cash: 1.2 bn USD
    facility:
      kind: revolver
      limit: 2.5 bn USD
      rate: 7.5 %/y

regions: [us]

sites:
  - id: first
    region: us
    state: IN
    interconnected: {{2026-07-01: 60 MW, 2027-07-01: 125 MW}}   # facility power that may be drawn
    energised: 30 MW                                          # running today
    phase: 20 MW                                              # built in steps of
    lead_time: 9 months
    ramp: 10 MW/month
    pue: 1.15
    peak_ratio: 1.2
    shell_cost: 14 M USD/MW
    running_cost: 0.5 M USD/MW-year
    power_price: 85 USD/MWh
    shell_life: 20 years
    chips: [trainium2]

chips:
  - id: trainium2
    from: Trainium2                        # the catalogue gives its specification: offtake catalog chips
    price: 8000 USD/chip
    server_cost: 13000 USD/chip
    it_power: 873 W/chip
    lead_time: 6 months
    available_from: 2026-07-01
    supply: 60000 chip/y
    life: 5 years
    availability: 95 %
    goodput: 92 %
    list_rent: 1.30 USD/chip-h
    opening:
      - {{site: first, count: 25000 chip, in_service: 2026-01-01, book_value: 473 M USD}}

models:
  - {{id: large, from: DeepSeek-V3}}         # a public model of like shape

classes:
  - id: chat
    model: large
    ttft: 2 s                              # time to the first token
    tpot: 40 ms/tok                        # time per output token
    input_tokens: 3600 tok
    output_tokens: 1000 tok
    cached: 56 %
    utilisation: 50 %
    algorithmic_gain: {{2026-07-01: 1.0, 2028-07-01: 1.6, 2031-07-01: 2.5}}

channels:
  - {{id: direct, sold_by: offtaker}}

demand:
  - id: chat-us
    class: chat
    region: us
    channel: direct
    volume: {{2026-07-01: 0.45 T tok/d, 2028-07-01: 1.7 T tok/d, 2031-07-01: 4.0 T tok/d}}
    price: {{2026-07-01: 2.20 USD/Mtok, 2028-07-01: 1.50 USD/Mtok, 2031-07-01: 0.95 USD/Mtok}}

outside_supply:
  - id: gpu-market
    provider: GPU market
    chip: H100 SXM                         # a catalogue entry, or a chip of this file
    region: us
    steps:
      - {{cap: 3000 chip, price: 2.60 USD/chip-h}}

contract:
  id: first
  signed: decide                           # yes, no, or for the plan to decide
  start: 2026-07-01
  end: 2031-07-01
  clauses:
    - kind: chip_price
      id: rent
      prices:
        trainium2: 1.05 USD/chip-h

cases:
  - id: late-power
    title: Power a year late
    changes:
      sites.first.interconnected: {{later: 12 months}}
  - id: low
    title: A third less demand
    changes:
      demand.*.volume: {{times: 0.67}}
"""


def template(
    name: str = "first", *, title: str = "A first scenario", file: str = "first.yaml", schema: str = ""
) -> str:
    """Return the text of a first scenario.

    Parameters
    ----------
    name : str      short name
    title : str     title of the report
    file : str      how the comments name the file
    schema : str    path or address of the JSON Schema for the editor's header line; no header if empty

    Examples
    --------
    >>> template(schema="scenario.schema.json").splitlines()[0]
    '# yaml-language-server: $schema=scenario.schema.json'
    """
    header = HEADER.format(schema=schema) if schema else ""
    return header + _TEXT.format(name=_quoted(name), title=_quoted(title), file=file)


def _quoted(text: str) -> str:
    """Return text as a YAML scalar."""
    import json

    return text if text.replace(" ", "").replace("-", "").isalnum() else json.dumps(text)


def write_template(path: str | Path, *, with_schema: bool = True) -> tuple[Path, ...]:
    """Write a first scenario, and beside it the JSON Schema that its header names.

    Parameters
    ----------
    path : str or Path      the file to write; never overwritten
    with_schema : bool      whether the schema is written too

    Returns
    -------
    tuple[Path, ...]        the files written

    Raises
    ------
    OfftakeError    if a file of that name exists, or the folder cannot be written
    """
    import json

    from offtake.spec.schema import json_schema

    target = Path(path)
    beside = target.with_name("offtake.schema.json")
    name = "".join(c if c.isalnum() or c == "-" else "-" for c in target.stem) or "first"
    texts = {target: template(name, file=target.name, schema=beside.name if with_schema else "")}
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(texts[target])
        if with_schema:
            beside.write_text(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except FileExistsError:
        raise OfftakeError(f"{target} exists already and is left as it is") from None
    except OSError as error:
        raise OfftakeError(f"{target} cannot be written: {error.strerror}") from None
    return (target, beside) if with_schema else (target,)
