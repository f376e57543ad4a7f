"""The rules of the tissue once more: site by site, in plain Python, with the same draws.

Cells live in a dictionary of sites and T cells in a list. Random numbers are drawn as the model
draws them, one call for all cells of a kind, so that both can be compared site by site.
"""

import copy

AROUND = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


class SlowTissue:
    def __init__(self, tissue):
        self.rules, self.size = tissue.rules, tissue.size
        self.rng = copy.deepcopy(tissue.rng)
        width = self.size + 2
        self.ground, self.tumour = {}, {}  # stroma by site; tumour cell: has it PD-L1?
        self.sensitivity = {}
        for row in range(self.size):
            for column in range(self.size):
                byte, site = int(tissue.frame()[row, column]), (row, column)
                self.ground[site] = {0: "nothing", 1: "loose", 2: "dense"}[byte & 3]
                self.sensitivity[site] = tissue._sensitivity[(row + 1) * width + column + 1]
                if byte & 4:
                    self.tumour[site] = bool(byte & 8)
        self.t_cells = [
            [(flat // width - 1, flat % width - 1), bool(tired)]
            for flat, tired in zip(tissue.t_cells.tolist(), tissue.exhausted, strict=True)
        ]
        self.interferon = [list(map(float, row)) for row in tissue.interferon]
        self.chemokine = [list(map(float, row)) for row in tissue.chemokine]
        self.births = self.kills = self.arrivals = self.deaths = 0

    def inside(self, site):
        return 0 <= site[0] < self.size and 0 <= site[1] < self.size

    def step(self):
        self.age()
        self.arrive()
        self.move()
        self.attack()
        self.divide()
        self.switch()

    def age(self):
        fates = self.rng.random(len(self.t_cells))
        kept = [
            cell
            for cell, fate in zip(self.t_cells, fates, strict=True)
            if fate >= self.rules.t_cell_death
        ]
        self.deaths += len(self.t_cells) - len(kept)
        self.t_cells = kept

    def arrive(self):
        last = self.size - 1
        edge = [(r, c) for r in range(self.size) for c in range(self.size) if {r, c} & {0, last}]
        number = self.rng.poisson(self.rules.arrival)
        taken = {site for site, _ in self.t_cells} | set(self.tumour)
        come = {edge[chosen] for chosen in self.rng.choice(len(edge), number)} - taken
        self.arrivals += len(come)
        self.t_cells += [[site, False] for site in sorted(come)]

    def slope(self, site):
        """Differences to the blocks on both sides, halved; one-sided at the edge."""
        row, column = site[0] // 4, site[1] // 4
        last = len(self.chemokine) - 1

        def along(low, high, there):
            a, b = max(low, 0), min(high, last)
            return (there(b) - there(a)) / (b - a)

        return (
            along(row - 1, row + 1, lambda r: self.chemokine[r][column]),
            along(column - 1, column + 1, lambda c: self.chemokine[row][c]),
        )

    def move(self):
        number = len(self.t_cells)
        rows, columns = self.rng.integers(-1, 2, size=(2, number))
        upward = self.rng.random(number)
        bars = self.rng.random(number)
        luck = self.rng.random(number)
        occupied = {site for site, _ in self.t_cells}
        wish = {}
        for index, (site, _) in enumerate(self.t_cells):
            step = [int(rows[index]), int(columns[index])]
            if upward[index] < self.rules.chemotaxis:
                slope = self.slope(site)
                bar = bars[index] * max(abs(part) for part in slope)
                step = [(part > 0) - (part < 0) if abs(part) > bar else 0 for part in slope]
            there = (site[0] + step[0], site[1] + step[1])
            if not self.inside(there) or there in occupied:
                continue
            chance = 1.0
            if there in self.tumour:
                chance = self.rules.squeeze
            elif self.ground[there] == "dense":
                chance = self.rules.passage
            if luck[index] < chance:
                wish[there] = index  # the last gets it
        for there, index in wish.items():
            site = self.t_cells[index][0]
            if there in self.tumour:
                self.tumour[site] = self.tumour.pop(there)
                self.ground[site] = "nothing"
            self.t_cells[index][0] = there

    def attack(self):
        active = [cell for cell in self.t_cells if not cell[1]]
        felt = []
        for cell, way in zip(active, self.rng.integers(8, size=len(active)), strict=True):
            target = (cell[0][0] + AROUND[way][0], cell[0][1] + AROUND[way][1])
            if target in self.tumour:
                felt.append((cell, target))
        kills = self.rng.random(len(felt))
        tires = self.rng.random(len(felt))
        dead = set()
        for (cell, target), kill, tire in zip(felt, kills, tires, strict=True):
            brake = (1 - self.rules.blocked) if self.tumour[target] else 0.0
            if kill < self.rules.killing * (1 - self.rules.brake * brake):
                dead.add(target)
            if tire < self.rules.exhaustion * brake:
                cell[1] = True
            self.interferon[target[0] // 4][target[1] // 4] += 1
        for target in dead:
            del self.tumour[target]
            self.ground[target] = "nothing"
        self.kills += len(dead)
        self.interferon = self.spread(self.interferon, self.rules.interferon_decay)

    def divide(self):
        cells = sorted(self.tumour)
        fates = self.rng.random(len(cells))
        parents = [
            cell for cell, fate in zip(cells, fates, strict=True) if fate < self.rules.division
        ]
        standing = {site for site, _ in self.t_cells}
        daughters = set()
        for cell, way in zip(parents, self.rng.integers(8, size=len(parents)), strict=True):
            there = (cell[0] + AROUND[way][0], cell[1] + AROUND[way][1])
            if self.inside(there) and there not in self.tumour and there not in standing:
                daughters.add(there)
        for site in daughters:
            self.tumour[site], self.ground[site] = False, "nothing"
        self.births += len(daughters)

    def switch(self):
        for row, column in self.tumour:
            self.chemokine[row // 4][column // 4] += 1
        self.chemokine = self.spread(self.chemokine, self.rules.chemokine_decay)
        for row, column in self.tumour:
            level = self.interferon[row // 4][column // 4]
            on = self.rules.induction * level / (level + self.rules.half_interferon)
            self.tumour[row, column] = self.sensitivity[row, column] < on

    def spread(self, field, decay):
        """Each block keeps what would leave the tissue."""
        last = len(field) - 1
        after = [[0.0] * len(field) for _ in field]
        for row, line in enumerate(field):
            for column, amount in enumerate(line):
                share = self.rules.spread / 4 * amount
                after[row][column] += amount
                for rows, columns in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                    to = (row + rows, column + columns)
                    if 0 <= to[0] <= last and 0 <= to[1] <= last:
                        after[to[0]][to[1]] += share
                        after[row][column] -= share
        return [[(1 - decay) * amount for amount in line] for line in after]

    def bytes(self):
        """Return each site as the model writes it."""
        ground = {"nothing": 0, "loose": 1, "dense": 2}
        written = {site: ground[kind] for site, kind in self.ground.items()}
        for site, pd_l1 in self.tumour.items():
            written[site] = 12 if pd_l1 else 4
        for site, tired in self.t_cells:
            written[site] |= 48 if tired else 16
        return [[written[row, column] for column in range(self.size)] for row in range(self.size)]
