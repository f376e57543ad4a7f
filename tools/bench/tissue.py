"""A step of the living tissue: the course's arrays beside the same rules in Mesa, agent by agent.

Both run 256 × 256 sites from the same start, in turns. Nothing is timed before both have gone the
same way: cell counts after the run differ by less than chance and order explain.
"""

import sys
import time
from pathlib import Path

import mesa
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from course_lib.models.tissue import BLOCK, DENSE, T_CELL, TUMOUR, Rules, Tissue

STEPS, ROUNDS = 10, 6  # the fastest round counts
AGREEMENT = 0.05  # of the counts of both


class TumourCell(mesa.Agent):
    """Divides into a neighbouring site; carries PD-L1 or not."""

    pd_l1 = False

    def divide(self):
        model = self.model
        if model.random.random() < model.rules.division:
            place = model.random.choice(model.around(self.pos))
            if place is not None and model.grid.is_cell_empty(place):
                model.dense[place] = False
                model.grid.place_agent(TumourCell(model), place)
                model.births += 1

    def respond(self):
        model = self.model
        interferon = model.interferon[self.pos[0] // BLOCK, self.pos[1] // BLOCK]
        share = model.rules.induction * interferon / (interferon + model.rules.half_interferon)
        self.pd_l1 = model.sensitivity[self.pos] < share


class TCell(mesa.Agent):
    """Moves, kills what it touches, tires, dies."""

    exhausted = False

    def age(self):
        if self.model.random.random() < self.model.rules.t_cell_death:
            self.model.grid.remove_agent(self)
            self.remove()

    def move(self):
        model, rules, (row, column) = self.model, self.model.rules, self.pos
        if model.random.random() < rules.chemotaxis:
            down, right = model.slope[:, row // BLOCK, column // BLOCK]
            bar = model.random.random() * max(abs(down), abs(right))
            rows = int(np.sign(down)) if abs(down) > bar else 0
            columns = int(np.sign(right)) if abs(right) > bar else 0
        else:
            rows, columns = model.random.choice((-1, 0, 1)), model.random.choice((-1, 0, 1))
        place = (row + rows, column + columns)
        if model.grid.out_of_bounds(place):
            return
        there = model.grid[place]
        if there is None:
            if not model.dense[place] or model.random.random() < rules.passage:
                model.grid.move_agent(self, place)
        elif isinstance(there, TumourCell) and model.random.random() < rules.squeeze:
            model.dense[self.pos] = False
            model.grid.swap_pos(self, there)

    def attack(self):
        model, rules = self.model, self.model.rules
        if self.exhausted:
            return
        place = model.random.choice(model.around(self.pos))
        target = None if place is None else model.grid[place]
        if not isinstance(target, TumourCell):
            return
        model.released[place[0] // BLOCK, place[1] // BLOCK] += 1
        braked = (1 - rules.blocked) * target.pd_l1
        if model.random.random() < rules.killing * (1 - rules.brake * braked):
            model.dying.add(target)
        if model.random.random() < rules.exhaustion * braked:
            self.exhausted = True


class MesaTissue(mesa.Model):
    """The rules of ``course_lib.models.tissue``, from the start of one of its tissues."""

    def __init__(self, tissue: Tissue, seed: int = 1) -> None:
        super().__init__(seed=seed)
        self.rules, self.size = tissue.rules, tissue.size
        self.grid = mesa.space.SingleGrid(self.size, self.size, torus=False)
        plane = tissue.frame()
        self.dense = plane & DENSE != 0
        self.sensitivity = np.random.default_rng(seed).random(plane.shape)
        self.numbers = np.random.default_rng(seed)
        self.interferon = np.zeros((self.size // BLOCK, self.size // BLOCK))
        self.chemokine = tissue.chemokine.copy()
        self.births = self.kills = 0
        for bit, kind in ((TUMOUR, TumourCell), (T_CELL, TCell)):
            for place in zip(*np.nonzero(plane & bit), strict=True):
                self.grid.place_agent(kind(self), tuple(map(int, place)))
        last = self.size - 1
        every = [(row, column) for row in range(self.size) for column in range(self.size)]
        self.edge = [place for place in every if {0, last} & {*place}]
        self._around = {place: self._beside(*place) for place in every}

    def _beside(self, row, column):
        steps = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
        places = [(row + a, column + b) for a, b in steps]
        return [None if self.grid.out_of_bounds(place) else place for place in places]

    def around(self, place):
        """Return the eight sites around one; None where the tissue ends."""
        return self._around[place]

    def of(self, kind):
        return self.agents_by_type.get(kind, [])

    def step(self):
        t_cells = self.of(TCell)
        if len(t_cells):
            t_cells.shuffle_do("age")
        for _ in range(self.numbers.poisson(self.rules.arrival)):
            place = self.random.choice(self.edge)
            if self.grid.is_cell_empty(place):
                self.grid.place_agent(TCell(self), place)
        self.slope = np.stack(np.gradient(self.chemokine))
        self.released, self.dying = np.zeros_like(self.interferon), set()
        for act in ("move", "attack"):
            if len(self.of(TCell)):
                self.of(TCell).shuffle_do(act)
        for cell in self.dying:
            self.grid.remove_agent(cell)
            cell.remove()
        self.kills += len(self.dying)
        self.interferon = self.spread(self.interferon + self.released, self.rules.interferon_decay)
        if len(self.of(TumourCell)):
            self.of(TumourCell).shuffle_do("divide")
        for cell in self.of(TumourCell):
            self.chemokine[cell.pos[0] // BLOCK, cell.pos[1] // BLOCK] += 1
        self.chemokine = self.spread(self.chemokine, self.rules.chemokine_decay)
        if len(self.of(TumourCell)):
            self.of(TumourCell).do("respond")

    def spread(self, field, decay):
        """Let a share of each block go to the four beside it; nothing leaves the tissue."""
        sent, after = self.rules.spread / 4 * field, field.copy()
        for here, there in ((np.s_[:-1], np.s_[1:]), (np.s_[1:], np.s_[:-1])):
            after[there] += sent[here]
            after[here] -= sent[here]
            after[:, there] += sent[:, here]
            after[:, here] -= sent[:, here]
        return (1 - decay) * after

    def counts(self) -> dict[str, int]:
        tumour, t_cells = self.of(TumourCell), self.of(TCell)
        return {
            "tumour": len(tumour),
            "pd_l1": sum(cell.pd_l1 for cell in tumour),
            "t_cells": len(t_cells),
            "exhausted": sum(cell.exhausted for cell in t_cells),
            "births": self.births,
            "kills": self.kills,
        }


def measure() -> dict:
    """Return ms of CPU per step, course beside Mesa."""
    rows = []
    for name, more in (("hot", {}), ("hot, PD-1 blocked", {"blocked": 0.95})):
        start = Tissue(Rules(**more))
        ours, theirs = Tissue(Rules(**more)), MesaTissue(start)
        cost = {"course": [], "peer": []}
        for _ in range(ROUNDS):
            for who, tissue in (("course", ours), ("peer", theirs)):
                begun = time.process_time()
                for _ in range(STEPS):
                    tissue.step()
                cost[who].append(1000 * (time.process_time() - begun) / STEPS)
        check(ours, theirs)
        course, peer = min(cost["course"]), min(cost["peer"])
        rows.append(
            {"name": f"{name}, ms a step", "course": course, "peer": peer, "ratio": peer / course}
        )
    return {"what": f"256 × 256 sites, CPU time, Mesa {mesa.__version__}", "rows": rows}


def check(ours: Tissue, theirs: MesaTissue) -> None:
    """Stop unless both have gone the same way."""
    found, expected = ours.counts(), theirs.counts()
    for name in ("tumour", "t_cells"):
        here, there = getattr(found, name), expected[name]
        if abs(here - there) > AGREEMENT * there:
            sys.exit(f"course: {name} are {here} here and {there} in Mesa: not timed.")
    print(
        f"  tumour cells {found.tumour} and {expected['tumour']}, "
        f"kills {found.kills} and {expected['kills']}"
    )
