"""The page: whole, self-contained, safe with hostile names, the same bytes twice, accessible."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from offtake.report import sentences, sentences_answer
from offtake.report.blocks import table
from offtake.report.data import TABLES, ReportData, report_table
from offtake.report.page import render
from offtake.report.words import percent
from offtake.tables import Column, Table, significant

from .sample import ROWS, full
from .sample_paths import PATH_ROWS, uncertain

VOID = {"meta", "br", "hr", "img", "input", "link", "wbr"}
HOSTILE = "<script>alert(1)</script>\"'&</svg></style>\x00\u202e]]>"


class Reader(HTMLParser):
    """Check nesting and gather elements."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.stack, self.elements, self.errors, self.words = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.errors.append(tag)

    def handle_data(self, data):
        self.words.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.errors == []
    assert reader.stack == []
    return reader


def hostile():
    """Every text of every table and of the header is hostile."""
    tables = {}
    for name, rows in {**ROWS, **PATH_ROWS}.items():
        table = report_table(name, rows())
        keep = {"role", "firmness", "dimension", "party", "statement", "series"}
        data = {
            c.name: [HOSTILE + str(v) for v in table[c.name]]
            if c.kind == "text" and c.name not in keep
            else table[c.name]
            for c in table.columns
        }
        tables[name] = Table(name, table.columns, data, HOSTILE, HOSTILE)
    names = dict.fromkeys(("scenario", "title", "run_id", "offtaker", "provider", "objective", "version"), HOSTILE)
    document = {
        **uncertain().document,
        "status": HOSTILE,
        "foresight": HOSTILE,
        "reasons": {HOSTILE: HOSTILE},
        "certificate": {HOSTILE: HOSTILE},
    }
    return full(
        **names, tables=tables, document=document, undetermined=(HOSTILE,), party_names={"chip_vendor": HOSTILE}
    )


@pytest.mark.parametrize(
    "data",
    [full(), uncertain(), hostile(), full(tables={}, document={})],
    ids=["full", "uncertain", "hostile", "empty"],
)
def test_the_page_is_well_formed_and_reaches_nothing_outside(data):
    page = render(data)
    reader = read(page)
    tags = {t for t, _ in reader.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "img", "form", "base"}
    for _, attributes in reader.elements:
        assert not any(k.startswith("on") or k in {"style", "src", "action"} for k in attributes)
        assert all(v.startswith("#") for k, v in attributes.items() if k in {"href", "xlink:href"})
    urls = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert urls <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in page.replace("url(#", "")
    assert "\x00" not in page
    ids = [a["id"] for _, a in reader.elements if "id" in a]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("data", [full(), uncertain()], ids=["full", "uncertain"])
def test_every_chart_is_named_and_has_a_table_twin(data):
    page = render(data)
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        label = re.search(r'aria-labelledby="(\S+) (\S+)"', svg)
        assert f'<title id="{label[1]}">' in svg
        assert f'<desc id="{label[2]}">' in svg
    for figure in re.findall(r'<section class="figure".*?</section>', page, re.DOTALL):
        if "<svg" in figure:
            assert '<details class="twin">' in figure
            assert "<table" in figure


def test_the_same_data_gives_the_same_bytes():
    assert render(full()) == render(full())


def test_page_one_has_its_parts_in_order():
    page = render(full())
    claims = (
        (
            "Accepted power grows from 1.58 GW in 2026 to 4.4 GW in 2033, of 5 GW announced; demand that year would take 5.6 GW; "
            "with other clouds’ chips, 94 % of the tokens wanted over the horizon are served."
        ),
        "Interconnection at new-carlisle is worth most to relieve: one phase of 100 MW more adds $1.24 bn; it binds in 12 of 19 periods",
        (
            "At year ends and before funding, the developer is down $14.2 bn at its lowest, in 2029 and the cloud is down $47.9 bn "
            "at its lowest, in 2030"
        ),
        "Planned spend meets the floor in every interval, without true-up; the low case falls short in 7 of 10 intervals",
        "Of $100 bn in the cloud deal, $36 bn is firm and of $25 bn in the equity deal, $5 bn is firm",
        "The alliance is worth $18.4 bn more than none; price of the top class moves it most, from −$6.2 bn to $47 bn; 1 of 8",
        (
            "Across 5 named cases, the developer’s net present value lies between −$4.2 bn and $71.5 bn; a true-up is paid in 2 of them; "
            "the developer is worse off than without the alliance in low (−$1.3 bn) and falter (−$12.4 bn)."
        ),
    )
    shown = " ".join(read(page).words).replace("\N{NO-BREAK SPACE}", " ").replace("\N{WORD JOINER}", "")
    places = [shown.index(c) for c in claims]
    assert places == sorted(places)


def plain(page):
    """What one reads, top to bottom."""
    words = " ".join(read(re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)).words)
    return " ".join(words.replace("\N{NO-BREAK SPACE}", " ").replace("\N{WORD JOINER}", "").split())


THINGS = (
    "The economics are our assumptions and not the parties’",
    "One planner, not an equilibrium",
    "Foresight is perfect",
    "It is not the accuracy of a forecast",
    "Not determined by the objective",
    "both gain $20 bn",
)


def test_the_answer_comes_first_and_what_to_know_right_after_what_binds():
    shown = plain(render(full(asides=("Counting what is left undone, both gain $20 bn.",))))
    parts = (
        (
            "Together, the developer and the cloud gain $18.4 bn against no alliance, with 4.4 GW of facility power accepted by the end of "
            "2033; of the limits tried, the interconnection at new-carlisle is worth most to relieve."
        ),
        "over the 5 named cases; −$6.2 to $47 bn with price of the top class from 0.7 × to 1.3 ×",
        "joint value against no alliance, before tax",
        "for the developer, against no alliance",
        "peak facility power accepted",
        "7 things to know about these figures Flows",
        "Accepted power grows from 1.58 GW in 2026 to 4.4 GW in 2033",
        "What binds Interconnection at new-carlisle binds in 12 of 19 periods, first in 2026-Q4; one phase of 100 MW more adds $1.24 bn",
        "Every limit, period by period",
        "7 things to know about these figures One path is planned",
        *THINGS,
        "alliance-5gw Run 7f3a90c1d2e4",
        "joint value Status",
        "Interconnection at new-carlisle is worth most to relieve",
    )
    at = 0
    for words in parts:
        assert words in shown[at:], words
        at = shown.index(words, at) + len(words)


@pytest.mark.parametrize(
    "data", [full(), uncertain(), full(tables={}, document={})], ids=["full", "uncertain", "empty"]
)
def test_things_to_know_are_counted_and_the_count_leads_to_them(data):
    page = render(data)
    listed = re.search(r'<section class="terms" id="know"><h3>(\d+) things? to know[^<]*</h3><ol>(.*?)</ol>', page)
    assert int(listed[1]) == listed[2].count("<li>") >= 4
    assert f'<a href="#know">{listed[1]} things to know about these figures</a>' in page
    for words in data.undetermined:
        assert words in plain(page)


@pytest.mark.parametrize(
    ("status", "words"), [("short", "An obligation is not met"), ("interrupted", "The solve was interrupted")]
)
def test_a_status_that_is_not_optimal_is_said_before_any_figure(status, words):
    page = render(full(document={**full().document, "status": status}))
    assert page.index('class="alert"') < page.index(words) < page.index('class="headline"')
    assert '<a href="#trust">see the' in page
    assert (
        "needs 61 MW at ridgeland" in page[: page.index('class="headline"')].replace("\N{NO-BREAK SPACE}", " ")
    ) == (status == "short")
    assert 'class="alert"' not in render(full(document={**full().document, "status": "optimal"}))


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (("F102",), "This plan needs an emergency loan"),
        (("F102", "F102", "F104"), "This plan needs an emergency loan"),
        (("F101", "F102"), "An obligation is not met in this plan"),
        (("F104",), "An obligation is not met in this plan"),
    ],
)
def test_a_plan_that_lacks_only_cash_is_said_to_need_a_loan(codes, words):
    rows = [("warning" if code < "F103" else "note", code, f"message {code}", "") for code in codes]
    data = full(document={**full().document, "status": "short"}, tables={"findings": report_table("findings", rows)})
    assert f'<p class="alert">{words}' in render(data).replace("\N{NO-BREAK SPACE}", " ")


def test_the_answer_is_true_also_where_there_is_little_to_tell():
    cases = ROWS["cases"]()
    columns = [c.name for c in TABLES["cases"].columns]
    at = columns.index("value_against_no_alliance_usd")

    def with_value(value):
        rows = [(*cases[0][:at], value, *cases[0][at + 1 :])]
        return sentences_answer.answer(full(tables={"cases": report_table("cases", rows)}))

    assert with_value(-2e9) == (
        "Together, the developer and the cloud lose $2 bn against no alliance, by a plan whose power is not known."
    )
    assert with_value(0.0).startswith("The alliance is worth as much as none, by")
    assert with_value(None).startswith("What the alliance adds is not known, by")
    none = [(2026, 5000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0)]
    idle = full(tables={"power_by_year": report_table("power_by_year", none)})
    assert "by building nothing." in sentences_answer.answer(idle)


def test_the_rate_of_the_values_stands_beside_them():
    page = plain(render(full(document={**full().document, "discount_rate_frac_per_y": 0.1})))
    assert "joint value against no alliance, discounted at 10 % a year, before tax" in page


def test_what_is_nearly_all_of_the_power_is_dated_and_not_the_last_megawatt():
    rows = [(2029 + k, 0.0, 0.0, 0.0, mw, mw, mw, 9000.0) for k, mw in enumerate((1700.0, 4950.0, 4970.0, 4990.0))]
    data = full(tables={**full().tables, "power_by_year": report_table("power_by_year", rows)})
    assert (
        "with 4.95 GW of facility power accepted by the end of 2030, 4.99 GW at the most;"
        in sentences_answer.answer(data)
    )
    assert sentences.gigawatts(data).startswith(
        "Accepted power grows from 1.7 GW in 2029 to 4.95 GW in 2030 and 4.99 GW in 2032; demand that year would take 9 GW"
    )


def test_a_limit_without_relief_is_told_by_how_long_it_binds():
    tables = {n: t for n, t in full().tables.items() if n != "reliefs"}
    said = sentences_answer.limits(full(tables=tables))
    assert said[0] == ("interconnection at new-carlisle", "binds in 12 of 19 periods, first in 2026-Q4")
    assert "binds longest" in sentences_answer.answer(full(tables=tables))
    kinds = {r["limit"]: r["kind"] for r in full().table("bottlenecks").rows()}
    assert len({kinds[limit] for limit, _ in said}) == len(said) == sentences_answer.MOST_LIMITS


def test_the_peak_is_that_of_the_contract_and_what_is_sold_outside_stands_beside_it():
    more = {"peak_contract_facility_power_mw": 4200.0, "peak_contract_it_power_mw": 3200.0}
    shown = plain(render(full(document={**full().document, **more})))
    assert "4.2 GW peak facility power accepted, 3.2 GW of it for IT; 4.4 GW with what the cloud sells outside" in shown
    same = {"peak_contract_facility_power_mw": 4400.0, "peak_contract_it_power_mw": 3384.6}
    shown = plain(render(full(document={**full().document, **same})))
    assert "4.4 GW peak facility power accepted, 3.38 GW of it for IT" in shown
    assert "sells outside" not in shown[: shown.index("Accepted power grows")]


def test_ranges_are_of_the_plan_and_its_cases():
    gains = [r["offtaker_against_no_alliance_usd"] for r in full().table("cases").rows()]
    words = sentences_answer.gain_span(full(), "offtaker")
    assert words.endswith(f"over the {len(gains)} named cases")
    assert words.startswith(f"−${-min(gains) / 1e9:g} to ${max(gains) / 1e9:g} bn")
    lone = full(tables={"cases": report_table("cases", ROWS["cases"]()[:1])})
    assert sentences_answer.gain_span(lone, "offtaker") == ""
    assert sentences_answer.joint_span(lone) == ""


def test_what_binds_is_said_in_words_with_its_name_small_behind():
    page = render(full()).replace("\N{NO-BREAK SPACE}", " ").replace("\N{WORD JOINER}", "")
    listed = page[page.index('id="binds"') : page.index("</aside>")]
    words = "<b>Building pace at Madison Mega Site, Mississippi</b>"
    assert listed.index(words) < listed.index("<small>construction ramp at madison</small>")
    assert listed.count("<small>") == 1, "a name that says enough does not stand twice"
    first = ("construction ramp at madison", "building pace at Madison", 2.0e9)
    tables = {**full().tables, "reliefs": report_table("reliefs", [first])}
    said = sentences_answer.answer(full(tables=tables))
    assert said.endswith("the building pace at Madison Mega Site, Mississippi is worth most to relieve.")


def test_an_absent_table_gives_its_reason():
    page = render(
        full(tables={}, missing={"statements": "No books: the plan was relaxed.", "cases": "Run with --no-cases."})
    )
    assert "No books: the plan was relaxed." in page
    assert "Run with --no-cases." in page


def test_untouched_defaults_are_marked():
    page = render(full())
    assert page.count("default, untouched") == 1
    assert "of which 1 default nobody has touched" in page


def test_prices_of_mixed_units_are_written_row_by_row_and_only_where_a_limit_binds():
    page = read(render(uncertain()))
    twin = "".join(page.words).split("Paths in which it binds")[1].split("Training runs")[0]
    for row in PATH_ROWS["binding"]():
        limit, _, period, *_, share, price, _, _, _ = row
        if share > 0 and price is not None:
            assert significant(price) in twin, (limit, period)


def test_a_name_breaks_between_its_parts_and_a_day_not_at_all():
    long = "parties.offtaker.facility.opening_balance"
    written = table(Table("t", (Column("path"), Column("when")), [(long, "2027-01-01"), ("short.name", "2027")]))
    assert "<td>parties.<wbr>offtaker.<wbr>facility.<wbr>opening_<wbr>balance</td>" in written
    assert '<td class="day">2027-01-01</td>' in written
    assert "<td>short.name</td><td>2027</td>" in written


def test_what_is_not_served_is_one_figure_on_the_whole_page():
    # Over paths the mean of the shares is not the share of the means: where both are told, both are named.
    page = "".join(read(render(uncertain())).words)
    shown = uncertain().table("tokens")
    unserved, served = shown["unserved_tok"].sum(), shown["served_tok"].sum()
    mean = uncertain().table("cases").rows()[0]["unserved_frac"]
    whole = f"{percent(unserved / (unserved + served))} of what is wanted"
    assert f"{whole}, {percent(mean)} on an average path, is not served" in page
    assert f"{whole} is not served" in "".join(read(render(full())).words)


def test_figures_have_at_most_three_digits_on_page_one():
    page = render(full())
    first = re.sub(r"<(details|style|svg)\b.*?</\1>", "", page[: page.index('id="flows"')], flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", " ", first).replace("7f3a90c1d2e4", "")
    for number in re.findall(r"(?<![\w-])\d+\.\d+", text):
        assert len(number.replace(".", "").lstrip("0")) <= 3, number


def test_unknown_or_lacking_tables_are_refused():
    with pytest.raises(ValueError, match="knows no table"):
        full(tables={"surprise": report_table("cases", ())})
    with pytest.raises(ValueError, match="lacks"):
        full(tables={"cases": Table("cases", (Column("case"),), [("a",)])})


def test_the_sample_fills_every_table_of_the_contract():
    assert {*ROWS, *PATH_ROWS} == set(TABLES)


def test_a_revenue_beyond_the_public_range_asks_for_its_reason():
    rows = ROWS["cases"]()
    high = [(*rows[0][:10], 40e6, *rows[0][11:])]
    page = render(full(tables={"cases": report_table("cases", high)}))
    assert "is above that range, and needs its reason" in page


def test_lines_without_an_amount_are_left_out_of_the_ways_and_reconciliations():
    lines = (("Billed", 2, 5.0), ("Less increase of contract liabilities", 2, 0.0), ("Revenue", 0, 0.0))
    way = [("provider", line, level, y, v) for line, level, v in lines for y in (2026, 2027)]
    nothing = [("leases", "", "Operating leases", 1, 2026, 0.0), ("", "", "Difference between the books", 0, 2026, 0.0)]
    tables = {
        "revenue_identity": report_table("revenue_identity", way),
        "reconciliation": report_table("reconciliation", nothing),
    }
    page = render(full(tables=tables))
    assert "Less increase of contract liabilities" not in page
    assert '<th scope="row">Revenue</th>' in page
    assert "Operating leases" not in page
    assert "nothing differs" in page


def test_late_delivery_and_amendments_have_a_section_where_there_are_any():
    page = render(full()).replace("\N{NO-BREAK SPACE}", " ")
    assert "Relief for late delivery takes $200 M off what is owed." in page
    assert "credits come to $40 M" in page
    assert "all clauses" in page
    assert 'id="lateness"' not in render(full(tables={}))


def test_report_data_is_frozen():
    data = full()
    with pytest.raises(TypeError):
        data.tables["x"] = None
    with pytest.raises(AttributeError):
        data.title = "other"
    assert isinstance(data, ReportData)


@pytest.mark.parametrize("alone", [27.6e9, {"npv_usd": 27.6e9}])
def test_gains_are_differences_from_no_alliance(alone):
    document = {**full().document, "no_alliance": {"offtaker": alone, "provider": None}}
    page = render(full(document=document)).replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(
        r"<b>\$10.6 bn</b>(<span class=.reach.>[^<]*</span>)?<span>for the developer, against no alliance</span>", page
    )
    assert "for the cloud, against no alliance: not known" in page
