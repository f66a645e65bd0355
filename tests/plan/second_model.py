"""The plan's problem written a second time, from the scenario's own fields, with another modelling package.

Nothing here reads the compiled problem or calls the planner: stocks are integrated with the trapezium rule over the corners of the
orders' polygon, dates are worked out from the calendar, clauses are written as convex inequalities.  Units: MW, thousand chips,
million chip-hours, trillion tokens, 1e24 flop, million USD.  The relaxation only: no number is whole.
"""

from __future__ import annotations

import itertools
import math
from datetime import timedelta

import linopy
import numpy as np
import xarray as xr

from offtake.dates import add_months

MONTH = 365.25 / 12


class Part:
    """A model to which one path of several adds its variables and constraints, under names of its own."""

    def __init__(self, model, prefix):
        self.model, self.prefix = model, prefix

    def add_variables(self, *args, name, **more):
        return self.model.add_variables(*args, name=self.prefix + name, **more)

    def add_constraints(self, *args, name, **more):
        return self.model.add_constraints(*args, name=self.prefix + name, **more)


class Second:
    """One scenario as a linopy model, or as a part of one; `solve` returns its optimum in M USD."""

    def __init__(self, scenario, model=None):
        self.s = scenario
        self.orders = {}
        self.edges = [(d - scenario.valuation_date).days for d in scenario.edges]
        self.days = np.diff(self.edges).astype(float)
        self.T = len(self.days)
        self.rate = scenario.objective.discount_rate_frac_per_y
        self.m = linopy.Model() if model is None else model
        self.t = np.arange(self.T)
        self.money = {"offtaker": [], "provider": []}  # (expression over t, factor [t]) of what a party receives
        self.lumps = {"offtaker": [], "provider": []}  # (expression over k, days from the valuation date [k])
        self.ends = {"offtaker": [], "provider": []}  # at the horizon
        self.fines = []
        self.factor = np.array([self._evenly(a, b) for a, b in itertools.pairwise(scenario.edges)])

    # -- time and money ------------------------------------------------------------------------------------------------

    def discount(self, day):
        return (1 + self.rate) ** (-day / 365)

    def _evenly(self, start, end):
        """Discount factor of money that flows evenly: each quarter from the period's start pays in its middle."""
        total, k = 0.0, 0
        while (a := add_months(start, 3 * k)) < end:
            b = min(add_months(start, 3 * (k + 1)), end)
            middle = a + timedelta(days=(b - a).days // 2)
            total += (b - a).days * self.discount((middle - self.s.valuation_date).days)
            k += 1
        return total / (end - start).days

    def middle(self, t):
        return self.edges[t] + int(self.days[t]) // 2

    def means(self, series):
        pairs = itertools.pairwise(self.s.edges)
        return self.over_t([0.0 if series is None else series.mean(a, b) for a, b in pairs])

    def over_t(self, values):
        return xr.DataArray(np.asarray(values, dtype=float), coords={"t": self.t}, dims="t")

    def stock(self, lag, life=math.inf):
        """Mean over period t of what was ordered evenly in period q, `lag` days later, for `life` days : [t, q]."""
        out = np.zeros((self.T, self.T))
        for q in range(self.T):
            a, b = self.edges[q], self.edges[q + 1]

            def level(day, a=a, b=b):
                return np.clip((day - a) / (b - a), 0.0, 1.0)

            for t in range(self.T):
                lo, hi = self.edges[t], self.edges[t + 1]
                ends = [x + s for x in (a, b) for s in ((lag, lag + life) if math.isfinite(life) else (lag,))]
                corners = np.unique(np.clip([lo, hi, *ends], lo, hi))
                height = level(corners - lag) - (level(corners - lag - life) if math.isfinite(life) else 0.0)
                out[t, q] = ((height[1:] + height[:-1]) / 2 * np.diff(corners)).sum() / (hi - lo)
        return xr.DataArray(out, coords={"t": self.t, "q": self.t}, dims=("t", "q"))

    def arriving(self, lag):
        """Share of the orders of q that arrives in t : [t, q]."""
        out = np.zeros((self.T, self.T))
        for q in range(self.T):
            a, b = self.edges[q] + lag, self.edges[q + 1] + lag
            for t in range(self.T):
                out[t, q] = max(0.0, min(b, self.edges[t + 1]) - max(a, self.edges[t])) / (b - a)
        return xr.DataArray(out, coords={"t": self.t, "q": self.t}, dims=("t", "q"))

    def var(self, name, upper=math.inf, lower=0.0, dim="t", size=None):
        coords = [("t", self.t)] if dim == "t" else [(dim, np.arange(size or self.T))]
        values = np.broadcast_to(np.asarray(upper, dtype=float), (len(coords[0][1]),))
        return self.m.add_variables(lower=lower, upper=xr.DataArray(values, coords=coords), name=name)

    def mixed(self, matrix, expr):
        """Mix periods by a matrix [new, old]; the new axis takes the name t."""
        matrix = np.asarray(matrix, dtype=float)
        rows = xr.DataArray(matrix, coords={"u": np.arange(len(matrix)), "t": self.t}, dims=("u", "t"))
        return (rows * expr).sum("t").rename(u="t")

    def rises(self, expr):
        """Change from each period to the next."""
        return self.mixed(np.eye(self.T)[1:] - np.eye(self.T)[:-1], expr)

    def summed(self, expr):
        """Sum up to the end of each period."""
        return self.mixed(np.tril(np.ones((self.T, self.T))), expr)

    def before(self, expr):
        """Return the period before; nothing before the first."""
        return self.mixed(np.eye(self.T, k=-1), expr)

    def total(self, parts):
        parts = [p.to_linexpr() if isinstance(p, linopy.Variable) else p for p in parts]
        return parts[0] if len(parts) == 1 else linopy.merge(parts, cls=linopy.LinearExpression, join="override")

    def pays(self, payer, payee, expr):
        """Book a payment that flows evenly through each period."""
        for party, sign in ((payer, -1.0), (payee, 1.0)):
            if party in self.money:
                self.money[party].append(sign * expr)

    def pays_on(self, payer, payee, expr, days):
        """Book payments [k] on given days."""
        for party, sign in ((payer, -1.0), (payee, 1.0)):
            if party in self.money:
                self.lumps[party].append((sign * expr, days))

    # -- physics ------------------------------------------------------------------------------------------------------------

    def add_power(self):
        self.power, self.begun, self.standing = {}, {}, {}
        for site in self.s.sites:
            lag = (site.lead_time_months + site.delay_months) * MONTH
            phase, name = site.phase_mw, site.id
            connected = np.maximum(self.means(site.interconnected_mw), site.energised_mw)
            cap = np.zeros(self.T)
            for q in range(self.T):
                pace = site.ramp_mw_per_month * self.days[q] / MONTH / phase
                whole = self.edges[q + 1] <= 732
                if self.edges[q + 1] + lag <= self.edges[-1]:
                    cap[q] = max(math.floor(pace + 1e-9), 1) if whole else pace
            room = math.floor((float(connected.max()) - site.energised_mw) / phase + 1e-9)
            stated = math.inf if site.max_phases is None else site.max_phases
            most = stated if stated < room else (room + 1 if room else 0)
            starts = self.var(f"starts-{name}", np.minimum(cap, most), dim="q")
            self.m.add_constraints(starts.sum("q") <= most, name=f"phases-{name}")
            stands = self.stock(lag)
            could = self.over_t((stands.sum("q") > 0).astype(float))
            more = self.var(f"energised-{name}", np.where(could > 0, np.inf, 0.0))
            self.m.add_constraints(more - phase * (stands * starts).sum("q") <= 0, name=f"stands-{name}")
            self.m.add_constraints(more <= connected - site.energised_mw + (1 - could) * 1e6, name=f"connected-{name}")
            self.power[name], self.begun[name] = more + site.energised_mw, starts
            self.standing[name] = phase * (stands * starts).sum("q") + site.energised_mw
            self._site_money(site, starts, lag)

    def _site_money(self, site, starts, lag):
        name, it_mw = site.id, site.phase_mw / site.peak_ratio
        price = self.means(site.shell_cost_usd_per_mw) / 1e6
        lead = site.lead_time_months * MONTH
        spent = (self.stock(0.0) - self.stock(lead)) * self.over_t(self.days) / lead
        self.pays("provider", "", price * it_mw * (spent * starts).sum("q"))
        run = self.means(site.running_cost_usd_per_mw_y) * self.over_t(self.days / 365) / 1e6 / site.peak_ratio
        self.pays("provider", "", run * self.standing[name])
        life = site.shell_life_y * 365
        left = [min(1.0, max(0.0, 1 - (self.edges[-1] - self.middle(q) - round(lag)) / life)) for q in range(self.T)]
        worth = price.values * it_mw * left * self.s.terminal.site_value_frac
        self.ends["provider"].append((xr.DataArray(worth, coords={"q": self.t}, dims="q") * starts).sum("q"))

    def add_chips(self):
        self.accepted, self.pools, delivered = {}, {}, {}
        for chip in self.s.chips:
            lag = (chip.lead_time_months + chip.delay_months) * MONTH
            life = chip.life_y * 365
            came, here, ever = self.arriving(lag), self.stock(lag, life), self.stock(lag)
            able = [self.edges[q + 1] + lag <= self.edges[-1] for q in range(self.T)]
            for site in self.s.sites:
                key = (site.id, chip.id)
                orders = self.var(f"orders-{key}", np.where(able, np.inf, 0.0), dim="q")
                self.orders[key] = orders
                opening = np.zeros(self.T)
                for lot in chip.opening:
                    if lot.site == site.id:
                        stop = (lot.in_service - self.s.valuation_date).days + life
                        opening += lot.count_chip / 1e3 * np.clip((stop - np.array(self.edges[:-1])) / self.days, 0, 1)
                        gone = max(0.0, stop - self.edges[-1]) / life
                        self.ends["provider"].append(gone * lot.count_chip * self._terminal_price(chip) / 1e6)
                accepted, retired = self.var(f"accepted-{key}"), self.var(f"retired-{key}")
                serving = (here * orders).sum("q") + self.over_t(opening)
                ended = (ever * orders).sum("q") - serving
                self.m.add_constraints(accepted + retired - serving <= 0, name=f"delivered-{key}")
                self.m.add_constraints(self.rises(accepted + retired + ended) >= 0, name=f"kept-{key}")
                self.m.add_constraints(self.rises(retired + ended) >= 0, name=f"for-good-{key}")
                delivered[key] = (came * orders).sum("q")
                self.accepted[key] = accepted
                cost = (self.means(chip.price_usd_per_chip) + self.means(chip.server_cost_usd_per_chip)) / 1e3
                self.pays("provider", "", cost * delivered[key])
                years = self.over_t(self.days / 365)
                self.pays("provider", "", chip.running_cost_usd_per_chip_y / 1e3 * years * accepted)
                used = [max(0.0, 1 - (self.edges[-1] - self.middle(t)) / life) for t in range(self.T)]
                self.ends["provider"].append(
                    (self.over_t(used) * self._terminal_price(chip) / 1e3 * delivered[key]).sum("t")
                )
            supply = [
                chip.supply_chip_per_y.mean(max(a, chip.available_from), b)
                * (b - max(a, chip.available_from)).days
                / 365e3
                if b > chip.available_from
                else 0.0
                for a, b in itertools.pairwise(self.s.edges)
            ]
            mine = [delivered[site.id, chip.id] for site in self.s.sites]
            self.m.add_constraints(self.total(mine) <= self.over_t(supply), name=f"supply-{chip.id}")
        watts = {c.id: c.it_power_w_per_chip / 1e3 for c in self.s.chips}
        for site in self.s.sites:
            drawn = self.total([watts[c.id] * site.peak_ratio * self.accepted[site.id, c.id] for c in self.s.chips])
            self.m.add_constraints(drawn - self.power[site.id] <= 0, name=f"power-{site.id}")

    def _terminal_price(self, chip):
        return chip.price_terminal_usd_per_chip.at(self.s.horizon_end) * self.s.terminal.chip_value_frac

    # -- work ----------------------------------------------------------------------------------------------------------------

    def add_work(self):
        """Hours by pool and use; a pool is (site, chip) or an outside offer."""
        period = self.over_t(self.days * 24 / 1e3)
        chips = {c.id: c for c in self.s.chips}
        region = {s.id: s.region for s in self.s.sites}
        group = {s.id: s.group or s.id for s in self.s.sites}
        pairs = sorted({(d.class_, d.channel) for d in self.s.demand})
        runs = self.s.training
        self.hours = {}
        self.chip_of, self.region_of, self.group_of = {}, {}, {}
        for s_c in self.accepted:
            self.chip_of[s_c], self.region_of[s_c], self.group_of[s_c] = chips[s_c[1]], region[s_c[0]], group[s_c[0]]
        for o in self.s.outside_supply:
            self.chip_of[o.id], self.region_of[o.id], self.group_of[o.id] = chips[o.chip], o.region, o.id
        trains = {o.id: o.trains for o in self.s.outside_supply}
        uses = [*pairs, *[r.id for r in runs], *(["research"] if self.s.research else [])]
        sold = {st.chip for st in self.s.resale.steps} if self.s.resale else set()
        for pool in self.chip_of:
            for use in uses:
                if use in [r.id for r in runs] and not trains.get(pool, True):
                    continue
                self.hours[pool, use] = self.var(f"hours-{pool}-{use}")
            if pool in self.accepted and self.chip_of[pool].id in sold:
                self.hours[pool, "resale"] = self.var(f"hours-{pool}-resale")
        self.available = {p: self.chip_of[p].availability_frac * period * a for p, a in self.accepted.items()}
        for pool, have in self.available.items():
            self.m.add_constraints(self._of(pool) - have <= 0, name=f"hours-of-{pool}")
        self._rent(period)
        self._resell(period)
        self._energy(period)
        self._research_and_training(runs)
        self._serve(pairs)

    def _of(self, pool, *, without=()):
        return self.total([h for (p, use), h in self.hours.items() if p == pool and use not in without])

    def _rent(self, period):
        for o in self.s.outside_supply:
            steps = []
            for k, step in enumerate(o.steps):
                cap = (self.means(step.cap_chip) / 1e3 * period).values
                rented = self.var(f"rented-{o.id}-{k}", cap)
                self.pays("offtaker", "", self.means(step.price_usd_per_chip_h) * rented)
                steps.append(rented)
            self.m.add_constraints(self._of(o.id) - self.total(steps) == 0, name=f"rented-{o.id}")

    def _resell(self, period):
        by_chip = {}
        for k, step in enumerate(self.s.resale.steps if self.s.resale else ()):
            sold = self.var(f"sold-{k}", (self.means(step.cap_chip) / 1e3 * period).values)
            self.pays("", "provider", self.means(step.price_usd_per_chip_h) * sold)
            by_chip.setdefault(step.chip, []).append(sold)
        for chip, sold in by_chip.items():
            given = [h for (p, use), h in self.hours.items() if use == "resale" and self.chip_of[p].id == chip]
            self.m.add_constraints(self.total(given) - self.total(sold) == 0, name=f"resale-{chip}")

    def _energy(self, period):
        for site in self.s.sites:
            for chip in self.s.chips:
                pool = (site.id, chip.id)
                kw, idle = chip.it_power_w_per_chip / 1e3, chip.idle_power_frac
                # thousand chips x kW x thousand hours = thousand MWh
                gwh = idle * kw * period * self.accepted[pool] + (1 - idle) * kw * self._of(pool)
                self.pays("provider", "", self.means(site.power_price_usd_per_mwh) * site.pue / 1e3 * gwh)

    def _flop(self, pool):
        chip = self.chip_of[pool]
        return chip.overrides.train_flop_per_s_per_chip * chip.goodput_frac * 3600 * 1e6 / 1e24

    def _research_and_training(self, runs):
        middle = self.over_t([self.discount(self.middle(t)) for t in range(self.T)])
        if self.s.research:
            wanted = self.means(self.s.research.compute_flop_per_s) * self.over_t(self.days * 86400) / 1e24
            short = self.var("research-short")
            done = [self._flop(p) * h for (p, use), h in self.hours.items() if use == "research"]
            self.m.add_constraints(self.total(done) + short == wanted, name="research")
            self.fines.append((self.s.research.penalty_usd_per_zflop * 1e3 / 1e6 * middle * short).sum("t"))
        self.done = {}
        for r in runs:
            size = r.flop / 1e24
            pieces = {p: self._flop(p) * h for (p, use), h in self.hours.items() if use == r.id}
            progress = self.total(list(pieces.values()))
            first = (r.earliest - self.s.valuation_date).days
            open_days = np.clip(np.array(self.edges[1:]) - np.maximum(self.edges[:-1], first), 0, None)
            cap = size * np.minimum(open_days / (r.min_duration_months * MONTH), 1.0)
            self.m.add_constraints(progress <= self.over_t(cap), name=f"pace-{r.id}")
            reach = np.cumsum(cap) >= size * (1 - 1e-9)
            done = self.var(f"done-{r.id}", reach.astype(float))
            self.m.add_constraints(size * done - self.summed(progress) <= 0, name=f"complete-{r.id}")
            self.m.add_constraints(self.rises(done) >= 0, name=f"stays-complete-{r.id}")
            groups = sorted({self.group_of[p] for p in pieces})
            chosen = {g: self.m.add_variables(0, 1, name=f"group-{r.id}-{g}") for g in groups}
            self.m.add_constraints(self.total(list(chosen.values())) <= 1, name=f"one-group-{r.id}")
            for g in groups:
                there = self.total([x for p, x in pieces.items() if self.group_of[p] == g])
                self.m.add_constraints(there.sum("t") - size * chosen[g] <= 0, name=f"at-{r.id}-{g}")
            self.done[r.id] = done
            last = max([t for t in range(self.T) if self.s.edges[t + 1] <= r.latest], default=0)
            self.fines.append((1 - done.isel(t=last)) * (r.penalty_usd / 1e6 * self.discount(self.middle(last))))

    def _serve(self, pairs):
        kinds = {k.id: k for k in self.s.classes}
        self.revenue = {c.id: [] for c in self.s.channels}
        sold = {pair: [] for pair in pairs}
        kept = {}
        middle = self.over_t([self.discount(self.middle(t)) for t in range(self.T)])
        for d in self.s.demand:
            for k, step in enumerate(d.steps):
                volume = self.means(d.volume_tok_per_d) * self.over_t(self.days) * step.share_frac / 1e12
                tokens = self.var(f"tokens-{d.id}-{k}", volume.values)
                if d.needs:
                    opened = self.before(self.done[d.needs])
                    self.m.add_constraints(tokens - volume * opened <= 0, name=f"capability-{d.id}-{k}")
                earned = self.means(d.price_usd_per_mtok) * step.price_factor * tokens
                self.pays("", "offtaker", earned)
                self.revenue[d.channel].append(earned)
                sold[d.class_, d.channel].append(tokens)
                if d.resident:
                    kept.setdefault((d.region, d.class_, d.channel), []).append(tokens)
                self.fines.append(
                    (self.s.objective.unserved_penalty_usd_per_mtok * middle * (volume - tokens)).sum("t")
                )
        made = {}
        for pool, chip in self.chip_of.items():
            for pair in pairs:
                kind = kinds[pair[0]]
                speed = chip.overrides.tokens_tok_per_s_per_chip[kind.id] * kind.utilisation_frac * 3600 / 1e6
                made[pool, pair] = speed * self.means(kind.algorithmic_gain) * self.hours[pool, pair]
        for pair in pairs:
            all_made = self.total([x for (_, k), x in made.items() if k == pair])
            self.m.add_constraints(all_made - self.total(sold[pair]) == 0, name=f"made-{pair}")
        for (region, *pair), tokens in kept.items():
            local = self.total([x for (p, k), x in made.items() if k == tuple(pair) and self.region_of[p] == region])
            self.m.add_constraints(self.total(tokens) - local <= 0, name=f"resident-{region}-{pair}")

    # -- the contract: convex clauses -----------------------------------------------------------------------------------------

    def spread(self, edges):
        """Part of each period that falls into each interval : [k, t]."""
        out = np.zeros((len(edges) - 1, self.T))
        for k, (a, b) in enumerate(itertools.pairwise(edges)):
            for t in range(self.T):
                shared = min(b, self.s.edges[t + 1]) - max(a, self.s.edges[t])
                out[k, t] = max(shared.days, 0) / self.days[t]
        return xr.DataArray(out, coords={"k": np.arange(len(edges) - 1), "t": self.t}, dims=("k", "t"))

    def intervals(self, clause, months):
        terms = self.s.contract
        edges = [terms.start]
        while edges[-1] < terms.end:
            edges.append(min(add_months(terms.start, months * len(edges)), terms.end))
        due = [(e - self.s.valuation_date).days + round(clause.due_days) for e in edges[1:]]
        return edges, np.array(due)

    def over_k(self, values):
        return xr.DataArray(np.asarray(values, dtype=float), coords={"k": np.arange(len(values))}, dims="k")

    def at_least(self, name, expr):
        """Return the smallest y >= max(0, expr) : [k]."""
        y = self.m.add_variables(lower=0, coords=[("k", expr.coords["k"].values)], name=name)
        self.m.add_constraints(y - expr >= 0, name=name)
        return y

    def add_contract(self):
        self.taken = {c.id: [] for c in self.s.chips}
        self.left = {c.id: [] for c in self.s.chips}
        for pool, have in self.available.items():
            chip = pool[1]
            self.taken[chip].append(self._of(pool, without=("resale",)))
            gone = self.hours.get((pool, "resale"))
            self.left[chip].append(have if gone is None else have - gone)
        self.rent_by_year = None
        for clause in self.s.contract.clauses:
            getattr(self, f"_{clause.kind}")(clause)

    def _chip_price(self, clause):
        months = {"quarter": 3, "half_year": 6, "year": 12}[clause.interval]
        edges, due = self.intervals(clause, months)
        weights = self.spread(edges)
        for chip, series in clause.prices_usd_per_chip_h.items():
            price = []
            for a, b in itertools.pairwise(edges):
                whole_years = (a.year - edges[0].year) - ((a.month, a.day) < (edges[0].month, edges[0].day))
                price.append(series.mean(a, b) * (1 + clause.escalator_frac_per_y) ** whole_years)
            taken = self.total(self.taken[chip])
            self.pays_on("offtaker", "provider", self.over_k(price) * (weights * taken).sum("t"), due)
            yearly = np.arange(len(price)) // (12 // months)
            by_year = xr.DataArray(
                (yearly[None, :] == np.unique(yearly)[:, None]) * np.array(price)[None, :],
                coords={"y": np.unique(yearly), "k": np.arange(len(price))},
                dims=("y", "k"),
            )
            matrix = (by_year @ weights).rename(y="k")
            spent = (matrix * taken).sum("t")
            self.rent_by_year = spent if self.rent_by_year is None else self.rent_by_year + spent

    def _take_or_pay(self, clause):
        (tranche,) = clause.tranches  # larger than all that can ever be delivered
        edges, due = self.intervals(clause, 12)
        weights = self.spread(edges)
        had = (weights * self.total(self.left[tranche.chip])).sum("t")
        used = (weights * self.total(self.taken[tranche.chip])).sum("t")
        untaken = self.at_least(clause.id, tranche.minimum_frac * had - used)
        price = [tranche.price_usd_per_chip_h.mean(a, b) for a, b in itertools.pairwise(edges)]
        self.pays_on("offtaker", "provider", self.over_k(price) * untaken, due)

    def _spend_commitment(self, clause):
        _, due = self.intervals(clause, 12)
        counted = clause.counts_frac["rent"] * self.rent_by_year
        floors = self.over_k([f / 1e6 for f in clause.floors_usd])
        short = self.at_least(f"{clause.id}-floor", floors - counted)
        self.pays_on("offtaker", "provider", 1.0 * short, due)
        whole = (counted + short).sum("k").expand_dims(k=[0])
        rest = self.at_least(f"{clause.id}-total", self.over_k([clause.total_usd / 1e6]) - whole)
        self.pays_on("offtaker", "provider", 1.0 * rest, due[-1:])

    def _revenue_share(self, clause):
        edges, due = self.intervals(clause, 12)
        weights = self.spread(edges)
        share = None
        for channel, rate in clause.rates_frac.items():
            rent = self.total(
                [
                    self.means(self.chip_of[p].list_rent_usd_per_chip_h) * h
                    for (p, use), h in self.hours.items()
                    if isinstance(use, tuple) and use[1] == channel
                ]
            )
            profit = (weights * self.total(self.revenue[channel])).sum("t") - (weights * rent).sum("t")
            base = self.at_least(f"{clause.id}-{channel}", profit)
            part = self.over_k([rate.mean(a, b) for a, b in itertools.pairwise(edges)]) * base
            share = part if share is None else share + part
        least = [clause.floor_usd_per_y * (b - a).days / 365e6 for a, b in itertools.pairwise(edges)]
        over = self.at_least(f"{clause.id}-floor", share - self.over_k(least))
        self.pays_on("offtaker", "provider", over + self.over_k(least), due)

    def _equity_tranche(self, clause):
        day = (clause.date - self.s.valuation_date).days
        usd = clause.amount_usd / 1e6
        self.pays_on("provider", "offtaker", self.over_k([usd]), np.array([day]))
        grown = usd * (1 + self.rate) ** ((self.edges[-1] - day) / 365)
        self.ends["provider"].append(grown)
        self.ends["offtaker"].append(-grown)

    def _term_loan(self, clause):
        (draw,) = clause.draws  # a bullet
        usd = draw.amount_usd / 1e6
        dates = [draw.date]
        while dates[-1] < clause.maturity:
            dates.append(min(add_months(draw.date, 3 * len(dates)), clause.maturity))
        days = np.array([(d - self.s.valuation_date).days for d in dates])
        self.pays_on("provider", "offtaker", self.over_k([usd]), days[:1])
        interest = usd * clause.rate_frac_per_y * np.diff(days) / 365
        self.pays_on("offtaker", "provider", self.over_k(interest), days[1:])
        self.pays_on("offtaker", "provider", self.over_k([usd]), days[-1:])

    # -- money ---------------------------------------------------------------------------------------------------------------

    def add_money(self):
        years = self.over_t(self.days / 365)
        self.interest = {}
        for party in ("offtaker", "provider"):
            p = getattr(self.s.parties, party)
            if p.other_costs_usd_per_y is not None:
                self.money[party].append(-1.0 * self.means(p.other_costs_usd_per_y) * years / 1e6)
            limit = self.means(p.facility.limit_usd) / 1e6
            draw, back = self.var(f"draw-{party}", limit.values), self.var(f"repay-{party}")
            owed = self.summed(draw - back)
            self.m.add_constraints(owed >= 0, name=f"owed-{party}")
            self.m.add_constraints(owed <= limit, name=f"limit-{party}")
            lent, returned = self.var(f"lent-{party}"), self.var(f"returned-{party}")
            due = self.summed(lent - returned)
            self.m.add_constraints(due >= 0, name=f"due-{party}")
            mean = 0.5 * owed + 0.5 * self.before(owed)
            mean_due = 0.5 * due + 0.5 * self.before(due)
            dear = p.emergency_rate_frac_per_y * years * mean_due
            loans = draw - back + lent - returned - p.facility.rate_frac_per_y * years * mean - dear
            loans = loans - p.facility.fee_frac_per_y * years * (limit - mean)
            cash = self.var(f"cash-{party}", lower=p.min_cash_usd / 1e6)
            opening = self.over_t([p.cash_usd / 1e6] + [0.0] * (self.T - 1))
            lumps = [(self._falls(days) * flow).sum("k") for flow, days in self.lumps[party]]
            fixed, flows = self.over_t(np.zeros(self.T)), [loans]
            for flow in (*self.money[party], *lumps):
                if isinstance(flow, xr.DataArray):
                    fixed = fixed + flow
                else:
                    flows.append(flow)
            change = self.total(flows) + fixed
            self.m.add_constraints(cash - self.before(cash) - change == opening, name=f"cash-{party}")
            # Debt is worth what it brings: only interest above the objective's rate is a cost of value.
            extra = max(0.0, 1 - self.rate / p.emergency_rate_frac_per_y)
            extra_facility = max(0.0, 1 - self.rate / p.facility.rate_frac_per_y)
            self.interest[party] = extra * dear + extra_facility * p.facility.rate_frac_per_y * years * mean

    def _falls(self, days):
        ends = [*self.edges[1 : self.T], math.inf]  # what falls due after the horizon is found by then
        inside = [[float(self.edges[t] <= d < ends[t]) for d in days] for t in range(self.T)]
        return xr.DataArray(inside, coords={"t": self.t, "k": np.arange(len(days))}, dims=("t", "k"))

    def write(self):
        """Write all blocks; return what is maximised: a linear expression and a constant."""
        self.add_power()
        self.add_chips()
        self.add_work()
        self.add_contract()
        self.add_money()
        goal = self.s.objective
        weights = {"offtaker": 1.0, "provider": 1.0}
        if goal.maximise == "weighted":
            weights = {"offtaker": goal.weights.offtaker, "provider": goal.weights.provider}
        terms, constant = [], 0.0
        factor, at_end = self.over_t(self.factor), self.discount(self.edges[-1])
        for party, w in weights.items():
            flows = [(w * factor * f).sum("t") for f in (*self.money[party], -1.0 * self.interest[party])]
            flows += [(w * self.over_k(self.discount(days)) * f).sum("k") for f, days in self.lumps[party]]
            flows += [w * at_end * f for f in self.ends[party]]
            terms += flows
        terms += [-1.0 * f for f in self.fines]
        variable = []
        for f in terms:
            if isinstance(f, float | xr.DataArray):
                constant += float(f)
            else:
                constant += float(f.const)
                variable.append(f - f.const)
        return self.total(variable), constant

    def solve(self):
        worth, constant = self.write()
        self.m.add_objective(worth, sense="max")
        return solved(self.m) + constant


def solved(model):
    """Optimum of a model."""
    status, condition = model.solve("highs", io_api="direct", progress=False, log_to_console=False, output_flag=False)
    if (status, condition) != ("ok", "optimal"):
        raise AssertionError(f"second model: {status}, {condition}")
    return float(model.objective.value)


def optimum(scenario):
    """Optimum of the relaxation of a resolved scenario [M USD]."""
    return Second(scenario).solve()


def tree_optimum(scenarios, probability, twin, tails=((1.0, 0.0),)):
    """Optimum of several paths [M USD].

    `twin` [path, period] is the path whose phases and orders a path repeats; `tails` are (weight, level) of what counts.
    """
    model = linopy.Model()
    paths = [Second(s, Part(model, f"{k}-")) for k, s in enumerate(scenarios)]
    worth = []
    for k, path in enumerate(paths):
        expr, constant = path.write()
        value = model.add_variables(name=f"{k}-worth")
        model.add_constraints(value - expr == constant, name=f"{k}-worth")
        worth.append(value)
    for k, path in enumerate(paths):
        for other in set(twin[k]) - {k}:
            tied = [t for t, same in enumerate(twin[k]) if same == other]
            for mine, theirs in ((path.begun, paths[other].begun), (path.orders, paths[other].orders)):
                for key in mine:
                    same = mine[key].isel(q=tied) - theirs[key].isel(q=tied)
                    model.add_constraints(same == 0, name=f"{k}-{other}-{key}-tied")
    goal = []
    for n, (weight, level) in enumerate(tails):
        if level == 0.0:
            goal += [weight * p * v for p, v in zip(probability, worth, strict=True)]
            continue
        quantile = model.add_variables(name=f"quantile-{n}")
        goal.append(weight * quantile)
        for k, (p, v) in enumerate(zip(probability, worth, strict=True)):
            below = model.add_variables(lower=0, name=f"{k}-below-{n}")
            model.add_constraints(below + v - quantile >= 0, name=f"{k}-tail-{n}")
            goal.append(-weight * p / (1 - level) * below)
    model.add_objective(sum(goal[1:], goal[0]), sense="max")
    return solved(model)
