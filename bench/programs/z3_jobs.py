"""z3: job shops: whether jobs of given steps fit on the machines in a given time."""

from .program import Command, Program, randomness

JOBS = 10  # and as many machines, each of which every job visits once


class Z3Jobs(Program):
    name = "z3"
    work = "job shops scheduled (difference logic)"

    def prepare(self, folder, scale):
        draw = randomness(self)
        shops = ("\n".join(self._shop(draw)) for _ in range(max(1, int(12 * scale))))
        (folder / "work.smt2").write_text("\n(reset)\n".join(shops) + "\n")

    def commands(self, folder):
        return [Command(["z3", "work.smt2"])]

    def _shop(self, draw):
        """Yields: the lines. `t_J_K` is when step K of job J begins."""
        machine = [draw.sample(range(JOBS), JOBS) for _ in range(JOBS)]
        length = [[draw.randint(1, 20) for _ in range(JOBS)] for _ in range(JOBS)]
        yield "(set-logic QF_IDL)"
        for job in range(JOBS):
            yield from (f"(declare-fun t_{job}_{step} () Int)" for step in range(JOBS))
            yield f"(assert (>= t_{job}_0 0))"
            yield from (f"(assert (>= (- t_{job}_{step + 1} t_{job}_{step}) {length[job][step]}))" for step in range(JOBS - 1))
            yield f"(assert (<= t_{job}_{JOBS - 1} {17 * JOBS}))"
        for one in range(JOBS):
            for other in range(one):
                for which in range(JOBS):
                    mine, its = machine[one].index(which), machine[other].index(which)
                    yield (f"(assert (or (>= (- t_{one}_{mine} t_{other}_{its}) {length[other][its]})"
                           f" (>= (- t_{other}_{its} t_{one}_{mine}) {length[one][mine]})))")
        yield "(check-sat)"
