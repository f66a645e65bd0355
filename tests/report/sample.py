"""Made-up figures in the shape of an alliance: they show the report, they say nothing about the world."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from offtake.report.data import ReportData, report_table

YEARS = tuple(range(2026, 2036))


def periods() -> list[tuple[str, dt.date, dt.date]]:
    """Eight quarters from mid-2026, six half-years, five years."""
    found = []
    year, month = 2026, 7
    for k in range(19):
        months = 3 if k < 8 else 6 if k < 14 else 12
        start = dt.date(year, month, 1)
        label = (
            f"{year}-Q{(month + 2) // 3}"
            if months == 3
            else f"{year}-H{1 if month < 7 else 2}"
            if months == 6
            else f"{year}"
        )
        year, month = (year + (month + months - 1) // 12, (month + months - 1) % 12 + 1)
        found.append((label, start, dt.date(year, month, 1)))
    return found


def power() -> list[tuple[Any, ...]]:
    accepted = (1580, 2210, 2760, 3240, 3700, 4050, 4280, 4400, 4400, 4400)
    return [
        (
            y,
            5000.0,
            min(5000.0, 3450.0 + 400 * k),
            min(4800.0, 1900.0 + 620 * k),
            accepted[k] * 1.03,
            float(accepted[k]),
            accepted[k] * (0.97 if k < 6 else 0.93),
            (1700, 2700, 3600, 4400, 4900, 5300, 5500, 5600, 5700, 5750)[k] * 1.0,
        )
        for k, y in enumerate(YEARS)
    ]


LIMITS = (
    ("interconnection at new-carlisle", "interconnection", "USD/MW-year", range(1, 13), 4.1e6),
    ("supply of trainium3", "chips", "USD/chip-year", range(3, 10), 3.2e3),
    ("construction ramp at madison", "construction", "USD/MW-year", range(2, 7), 1.9e6),
    ("cash of developer", "cash", "USD/USD-year", range(5), 0.18),
    ("floor of the spend commitment", "commitment", "USD/USD-year", range(17, 19), 0.04),
    ("interconnection at ridgeland", "interconnection", "USD/MW-year", range(6, 9), 0.6e6),
)


def bottlenecks() -> list[tuple[Any, ...]]:
    rows = []
    for limit, kind, unit, when, price in LIMITS:
        for k, (label, start, end) in enumerate(periods()):
            binds = k in when
            rows.append((limit, kind, label, start, end, price * (1 - 0.03 * k) if binds else 0.0, unit, binds))
    return rows


def cash() -> list[tuple[Any, ...]]:
    flows = {
        "offtaker": (-3.1, -5.8, -4.2, -1.1, 2.6, 6.4, 9.8, 12.1, 13.0, 13.6),
        "provider": (-9.4, -14.8, -12.0, -8.5, -3.2, 4.6, 9.9, 14.2, 15.1, 15.8),
    }
    gaps = {"offtaker": (1.2, 5.6, 4.2, 1.1, 0, 0, 0, 0, 0, 0), "provider": (9.4, 14.8, 12.0, 8.5, 3.2, 0, 0, 0, 0, 0)}
    rows = []
    for party, nets in flows.items():
        total, closing = 0.0, 8.0
        for k, net in enumerate(nets):
            total += net
            gap = gaps[party][k]
            closing += net + gap
            rows.append((party, YEARS[k], net * 1e9, total * 1e9, gap * 1e9, gap * 1e9, closing * 1e9))
    return rows


def commitments() -> list[tuple[Any, ...]]:
    floor = (4, 6, 8, 10, 11, 12, 12.5, 12.5, 12.5, 11.5)
    planned = (5.2, 9.4, 13.0, 16.1, 18.8, 20.2, 21.0, 21.4, 21.5, 21.6)
    low = (4.9, 7.8, 9.1, 9.6, 9.9, 10.1, 10.4, 10.8, 11.0, 11.3)
    return [
        ("eligible cloud spend", y, f * 1e9, p * 1e9, 0.0, w * 1e9, max(0.0, f - w) * 1e9)
        for y, f, p, w in zip(YEARS, floor, planned, low, strict=True)
    ]


def circularity() -> list[tuple[Any, ...]]:
    rows = []
    for k, y in enumerate(YEARS):
        for firmness, invested, funded in (("firm", 5.0, 0.24), ("contingent", 25.0, 0.41)):
            paid = 3.0 * (k + 1) ** 1.6
            returned = min(invested, paid) / invested
            share = funded * math.exp(-0.28 * k)
            rows.append(
                (dt.date(y, 12, 31), firmness, invested * 1e9, paid * 1e9, returned, share, min(1.0, share * 1.5))
            )
    return rows


def tornado() -> list[tuple[Any, ...]]:
    return [
        (
            "price of the top class",
            "demand.top.price",
            "0.7 ×",
            "1 ×",
            "1.3 ×",
            -6.2e9,
            47.0e9,
            "0.74 ×",
            2400.0,
            190.0,
            "0.89 ×",
            1,
        ),
        (
            "training compute",
            "training.frontier.flop",
            "1e27 FLOP",
            "3e27 FLOP",
            "1e28 FLOP",
            26.0e9,
            7.5e9,
            "",
            160.0,
            560.0,
            "5e27 FLOP",
            2,
        ),
        (
            "months to first power",
            "sites.new-carlisle.lead_time",
            "16 months",
            "26 months",
            "44 months",
            25.4e9,
            8.9e9,
            "",
            310.0,
            90.0,
            "",
            4,
        ),
        (
            "server cost per chip",
            "chips.trainium3.server_cost",
            "6,000 USD/chip",
            "9,000 USD/chip",
            "15,000 USD/chip",
            24.0e9,
            6.1e9,
            "",
            0.0,
            140.0,
            "",
            5,
        ),
        ("chip life", "chips.trainium3.life", "3 y", "5 y", "6 y", 9.9e9, 21.3e9, "", 80.0, 12.0, "", 6),
        (
            "tokens per second per chip",
            "chips.trainium3.overrides",
            "0.6 ×",
            "1 ×",
            "1.2 ×",
            12.6e9,
            21.0e9,
            "",
            520.0,
            75.0,
            "0.8 ×",
            3,
        ),
        (
            "price of power",
            "sites.new-carlisle.power_price",
            "50 USD/MWh",
            "70 USD/MWh",
            "95 USD/MWh",
            19.7e9,
            16.6e9,
            "",
            0.0,
            0.0,
            "",
            8,
        ),
        ("outside rent", "outside_supply.gpu", "0.8 ×", "1 ×", "1.6 ×", 15.2e9, None, "", 35.0, None, "", 7),
    ]


def cases() -> list[tuple[Any, ...]]:
    lp = "LP at the base plan's yes/no choices"
    return [
        (
            "base",
            "",
            3.70,
            21.4e9,
            0.138,
            38.2e9,
            14.2e9,
            0.0,
            0.061,
            10.4e6,
            14.1e6,
            0.62,
            10.1e9,
            8.3e9,
            18.4e9,
            "optimal",
            "MILP",
        ),
        (
            "low",
            "demand 30 % lower",
            2.31,
            4.1e9,
            0.102,
            9.6e9,
            17.9e9,
            7.9e9,
            0.018,
            11.2e6,
            10.9e6,
            0.58,
            -1.3e9,
            3.5e9,
            2.2e9,
            "optimal",
            lp,
        ),
        (
            "high",
            "demand 40 % higher",
            4.40,
            29.0e9,
            0.151,
            71.5e9,
            12.0e9,
            0.0,
            0.172,
            10.1e6,
            17.7e6,
            0.66,
            20.0e9,
            11.8e9,
            31.8e9,
            "optimal",
            lp,
        ),
        (
            "late-power",
            "first power 12 months later",
            2.98,
            15.5e9,
            0.127,
            26.4e9,
            15.8e9,
            0.0,
            0.124,
            10.9e6,
            14.6e6,
            0.55,
            5.0e9,
            6.0e9,
            11.0e9,
            "optimal",
            lp,
        ),
        (
            "falter",
            "demand stops growing in 2028",
            2.40,
            -3.6e9,
            None,
            -4.2e9,
            19.4e9,
            12.6e9,
            0.009,
            11.8e6,
            8.4e6,
            0.57,
            -12.4e9,
            7.3e9,
            -5.1e9,
            "short",
            lp,
        ),
    ]


def money() -> list[tuple[Any, ...]]:
    return [
        ("customers", "offtaker", "token_revenue", "market", 402e9),
        ("customers", "provider", "resale_revenue", "cloud", 96e9),
        ("offtaker", "provider", "rent", "cloud", 168e9),
        ("provider", "offtaker", "revenue_share", "cloud", 58e9),
        ("offtaker", "outside_clouds", "outside_rent", "market", 74e9),
        ("offtaker", "world", "other_cost", "market", 88e9),
        ("provider", "offtaker", "equity", "equity", 20e9),
        ("provider", "chip_vendor", "capex_chips", "chip", 71e9),
        ("provider", "site_vendor", "capex_site", "site", 48e9),
        ("provider", "utility", "energy", "site", 22e9),
        ("provider", "world", "site_running", "site", 14e9),
    ]


def power_flows() -> list[tuple[Any, ...]]:
    sites = {
        "new-carlisle": ("AEP/PJM", 14500.0),
        "madison": ("Entergy/MISO", 7200.0),
        "ridgeland": ("Entergy/MISO", 4100.0),
    }
    chips = {"Trainium2": 0.25, "Trainium3": 0.45, "Trainium4": 0.30}
    uses = {
        "top class": 0.34,
        "middle class": 0.21,
        "batch": 0.08,
        "frontier training": 0.19,
        "research": 0.12,
        "idle": 0.06,
    }
    rows: list[tuple[Any, ...]] = [(g, s, 0, v) for s, (g, v) in sites.items()]
    rows += [(s, c, 1, v * f) for s, (_, v) in sites.items() for c, f in chips.items()]
    total = sum(v for _, v in sites.values())
    rows += [(c, u, 2, total * f * w) for c, f in chips.items() for u, w in uses.items()]
    return rows


def statements() -> list[tuple[Any, ...]]:
    shape = {
        "profit_and_loss": (
            ("Revenue", 1, 9.0),
            ("Rent", 2, -5.0),
            ("Other costs", 2, -4.0),
            ("Interest", 2, -0.2),
            ("Profit before tax", 0, -0.2),
        ),
        "cash_flow": (
            ("Operating", 1, -0.4),
            ("Investing", 2, -1.5),
            ("Financing", 2, 3.4),
            ("Change in cash", 0, 1.5),
        ),
        "balance_sheet": (
            ("Cash", 2, 8.0),
            ("Other assets", 2, 3.1),
            ("Total assets", 0, 11.1),
            ("Debt", 2, 4.0),
            ("Equity", 2, 7.1),
            ("Total liabilities and equity", 0, 11.1),
        ),
    }
    return [
        (party, statement, line, level, y, 1e9 * amount * (1 + 0.35 * k) * (1.4 if party == "provider" else 1.0))
        for party in ("offtaker", "provider", "combined")
        for statement, lines in shape.items()
        for line, level, amount in lines
        for k, y in enumerate(YEARS)
    ]


def by_year(*lines: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Lines whose last cell is the amount of the first year [bn USD], growing."""
    return [(*line[:-1], y, 1e9 * line[-1] * (1 + 0.35 * k)) for line in lines for k, y in enumerate(YEARS)]


def sites() -> list[tuple[Any, ...]]:
    peak = {
        "new-carlisle": ("AEP/PJM", "us", 2400.0),
        "madison": ("Entergy/MISO", "us", 1300.0),
        "ridgeland": ("Entergy/MISO", "us", 830.0),
    }
    return [
        (s, g, r, y, p * min(1.0, 0.45 + 0.1 * k), p * min(1.0, 0.38 + 0.1 * k), p * min(1.0, 0.36 + 0.1 * k) / 1.3)
        for s, (g, r, p) in peak.items()
        for k, y in enumerate(YEARS)
    ]


def phases() -> list[tuple[Any, ...]]:
    rows = []
    for i, site in enumerate(("new-carlisle", "madison", "ridgeland")):
        for p in range(4 if i == 0 else 2):
            start = dt.date(2026, 7, 1) + dt.timedelta(days=150 * p + 100 * i)
            rows.append(
                (
                    site,
                    f"phase {p + 1}",
                    start,
                    start + dt.timedelta(days=500),
                    start + dt.timedelta(days=590),
                    300.0 - 40 * i,
                )
            )
    return rows


def chips() -> list[tuple[Any, ...]]:
    return [
        (c, y, 90e3 * f, 1.2e6 * f * max(0.0, 1 - abs(k - peak) / 6), 1000 * f * max(0.0, 1 - abs(k - peak) / 6))
        for c, f, peak in (("Trainium2", 1.0, 1), ("Trainium3", 1.3, 4), ("Trainium4", 1.6, 8))
        for k, y in enumerate(YEARS)
    ]


def tokens() -> list[tuple[Any, ...]]:
    return [
        (c, ch, y, v * 1.4**k, v * 0.06 * 1.4**k, v * 1.4**k * 3e-6)
        for c, ch, v in (
            ("top", "direct", 3e14),
            ("top", "cloud", 2e14),
            ("middle", "direct", 6e14),
            ("middle", "cloud", 5e14),
            ("batch", "direct", 4e14),
        )
        for k, y in enumerate(YEARS)
    ]


def shares() -> list[tuple[Any, ...]]:
    rows = []
    for k, y in enumerate(YEARS):
        p = 0.5 + 0.02 * k
        rows += [
            ("provider", "provider", y, 9e9 * p, p),
            ("provider", "gpu cloud", y, 9e9 * (0.7 - p), 0.7 - p),
            ("provider", "tpu cloud", y, 2.7e9, 0.3),
        ]
        rows += [
            ("chip", "Trainium2", y, 1e9, 0.5 - 0.05 * k),
            ("chip", "Trainium3", y, 1e9, 0.2 + 0.03 * k),
            ("chip", "H200", y, 1e9, 0.3 + 0.02 * k),
        ]
    return rows


def assumptions() -> list[tuple[Any, ...]]:
    return [
        (
            "sites.new-carlisle.ramp",
            "45 MW/month",
            "20 MW/month",
            "84 MW/month",
            "file",
            "Epoch AI, Frontier Data Centers, 2026-07",
            "",
            False,
        ),
        (
            "chips.trainium3.server_cost",
            "9,000 USD/chip",
            "6,000 USD/chip",
            "15,000 USD/chip",
            "file",
            "alliance-5gw.yaml:118",
            "no public price; scaled from GPU servers",
            False,
        ),
        ("chips.trainium3.life", "5 y", "3 y", "6 y", "catalog", "filings 2025: 5–6 years", "", False),
        (
            "objective.unserved_penalty",
            "0 USD/Mtok",
            "",
            "",
            "default",
            "offtake 0.1",
            "unserved demand is ordinary",
            True,
        ),
    ]


DOCUMENT: dict[str, Any] = {
    "schema_version": "1",
    "status": "optimal",
    "foresight": "perfect",
    "objective_usd": 59.6e9,
    "gap": 0.0041,
    "valuation_date": "2026-07-01",
    "peak_it_power_mw": 3384.6,
    "peak_facility_power_mw": 4400.0,
    "penalties_usd": {"unserved": 0.0, "research": 1.2e8},
    "parties": {
        "offtaker": {
            "npv_usd": 38.2e9,
            "emergency_loan_usd": 0.0,
            "peak_emergency_loan_usd": 0.0,
            "funding_need_usd": 14.2e9,
            "peak_funding_need_usd": 14.2e9,
            "firm_commitment_usd": 36e9,
            "planned_spend_usd": 168e9,
            "irr": 0.31,
        },
        "provider": {"npv_usd": 21.4e9, "infrastructure": {"irr": 0.138}},
    },
    "no_alliance": {"offtaker": {"npv_usd": 27.6e9}, "provider": {"npv_usd": 13.6e9}},
    "certificate": {
        "model_hash": "9b7772b386a24f01",
        "solver": "HiGHS 1.15.1",
        "bound_usd": 59.84e9,
        "primal_residual": 3.1e-9,
        "integrality": 0.0,
        "money_difference_usd": 0.004,
        "feasible": True,
    },
    "reasons": {"parties.provider.dscr": "the provider has no debt"},
}

ROWS: dict[str, Any] = {
    "power_by_year": power,
    "bottlenecks": bottlenecks,
    "reliefs": lambda: [
        ("interconnection at new-carlisle", "one phase of 100 MW more", 1.24e9),
        ("supply of trainium3", "one lot of 10,000 chips more", 0.31e9),
        ("construction ramp at madison", "one month sooner", 0.22e9),
        ("cash of developer", "1 bn USD more", 0.14e9),
        ("floor of the spend commitment", "1 bn USD less", 0.0),
    ],
    "limits": lambda: [("construction ramp at madison", "building pace at Madison Mega Site, Mississippi")],
    "cash_by_year": cash,
    "commitments_by_year": commitments,
    "headline_to_firm": lambda: [
        ("cloud", "Announced", "total", "", 100e9),
        ("cloud", "Optional extensions", "less", "optional", 22e9),
        ("cloud", "Cancellable after 2030", "less", "cancellable", 18e9),
        ("cloud", "Contingent on delivery", "less", "contingent", 24e9),
        ("cloud", "Firm", "result", "firm", 36e9),
        ("equity", "Announced", "total", "", 25e9),
        ("equity", "On milestones", "less", "contingent", 20e9),
        ("equity", "Firm", "result", "firm", 5e9),
    ],
    "headline_against_firm": lambda: [
        (
            "alliance",
            True,
            "cloud",
            "offtaker",
            "provider",
            36e9,
            24e9,
            22e9,
            18e9,
            None,
            None,
            None,
            9.6e6,
            "2030-12-31",
            "terms",
            "a floor",
        ),
        (
            "alliance",
            True,
            "equity",
            "provider",
            "offtaker",
            5e9,
            20e9,
            None,
            None,
            None,
            0.05,
            0.25,
            None,
            "2026-08-15",
            "terms",
            "",
        ),
        (
            "other-2026",
            False,
            "cloud",
            "Lab",
            "Cloud",
            None,
            None,
            None,
            None,
            1e11,
            None,
            None,
            2e6,
            "",
            "press",
            "spend: more than",
        ),
    ],
    "circularity": circularity,
    "tornado": tornado,
    "cases": cases,
    "money_flows": money,
    "power_flows": power_flows,
    "uses": lambda: [
        ("top class", "9,400 T tok"),
        ("middle class", "21,000 T tok"),
        ("batch", "8,000 T tok"),
        ("frontier training", "3 of 3 runs"),
    ],
    "statements": statements,
    "third_parties": lambda: by_year(("lender", "Loans given", 2, 4.0), ("lender", "Assets", 0, 4.0)),
    "relief_changes": lambda: [
        ("alliance.compute-floor", "interval", dt.date(y, 7, 1), dt.date(y + 1, 7, 1), 0.0, 2e8 if y == 2028 else 0.0)
        for y in YEARS[:4]
    ],
    "deliveries": lambda: [
        ("alliance.late", "wave-1", dt.date(2027, 1, 1), dt.date(2028, 1, 1), 3e9, 2.5e9, 4e7),
        ("alliance.late", "wave-1", dt.date(2028, 1, 1), dt.date(2029, 1, 1), 6e9, 6e9, 0.0),
    ],
    "concessions": lambda: [
        (2, dt.date(2028, 1, 1), "lower floor", clause, party, sign * 1.5e9, sign * 1.2e9)
        for clause in ("alliance.compute-floor", "")
        for party, sign in (("offtaker", 1), ("provider", -1))
    ],
    "revenue_identity": lambda: by_year(
        ("provider", "Billed", 2, 5.0),
        ("provider", "Less increase of contract liabilities", 2, -0.5),
        ("provider", "Plus increase of contract assets", 2, 0.5),
        ("provider", "Revenue", 0, 5.0),
    ),
    "reconciliation": lambda: by_year(
        ("changes in value", "provider", "Investments: change in value", 2, 0.7),
        ("changes in value", "", "Changes in value", 1, 0.7),
        ("", "", "Difference between the books", 0, 0.7),
    ),
    "backlog": lambda: [
        (dt.date(2026, 7, 1), 0.0, 4e9, 6e9, 25e9, 65e9, 100e9, 100e9, 0.25, "a filing"),
        (dt.date(2027, 1, 1), 2e9, 5e9, 7e9, 26e9, 60e9, 98e9, 100e9, None, ""),
    ],
    "purchase_obligations": lambda: [("alliance.compute-floor", y, 3e9 + 1e9 * k) for k, y in enumerate(YEARS)],
    "policies": lambda: [("Revenue", "Earned evenly by day.", "ASC 606-10-25-31", "by day")],
    "returns": lambda: [
        ("provider", "Payback", "2033", "undiscounted"),
        ("provider", "Equity stake at entry price", "$25 bn", "not cash"),
    ],
    "sites": sites,
    "phases": phases,
    "chips": chips,
    "tokens": tokens,
    "training": lambda: [("frontier-1", "done", dt.date(2027, 1, 1), dt.date(2027, 7, 1), "new-carlisle", 3e27)],
    "compute_share": shares,
    "grid_power": lambda: [
        (g, y, 500.0 * f + 150 * k * f)
        for g, f in (("AEP/PJM", 1.4), ("Entergy/MISO", 1.2))
        for k, y in enumerate(YEARS)
    ],
    "findings": lambda: [
        (
            "warning",
            "P101",
            "needs 61 MW at ridgeland in 2027-Q3; interconnection gives 50",
            "move the date or add a phase",
        )
    ],
    "assumptions": assumptions,
}


def full(**change: Any) -> ReportData:
    """A report with every table."""
    facts: dict[str, Any] = {
        "scenario": "alliance-5gw",
        "title": "An alliance of up to five gigawatts over ten years",
        "run_id": "7f3a90c1d2e4",
        "offtaker": "developer",
        "provider": "cloud",
        "objective": "joint value",
        "document": DOCUMENT,
        "tables": {n: report_table(n, rows()) for n, rows in ROWS.items()},
        "undetermined": (
            "the split of value between the parties; ties go to the developer, then to the smallest commitment.",
        ),
        "party_names": {"chip_vendor": "chip maker", "site_vendor": "builders", "world": "others"},
        "version": "0.1.0",
    }
    return ReportData(**{**facts, **change})
