"""Two SMT solvers as one: the first answer is the answer. Run in the security environment.

usage: _solver.py QUERY.smt2

Yices looks at each bit; cvc5 is made to take bit vectors for integers, and so finds its way through
products and quotients, where the other is lost.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path


def main() -> None:
    query = sys.argv[-1]
    if sys.argv[1] == "--cvc5":
        cvc5_answers(query)
        return
    yices = [Path(sys.executable).parent / "yices-smt2", "--smt2-model-format", query]
    commands = [yices, [sys.executable, __file__, "--cvc5", query]]
    solvers = [
        subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    with ThreadPoolExecutor(len(solvers)) as pool:
        for done in as_completed([pool.submit(lambda s=s: s.communicate()[0]) for s in solvers]):
            answer = done.result()
            if answer.startswith(("sat", "unsat")):
                print(answer, end="", flush=True)
                break
        for solver in solvers:
            solver.kill()


def cvc5_answers(query: str) -> None:
    """Print what cvc5 says, which has no command line of its own in Python's package."""
    import cvc5  # noqa: PLC0415 - slow to load, and not for the process that waits

    solver = cvc5.Solver()
    solver.setOption("solve-bv-as-int", "sum")
    solver.setOption("produce-models", "true")
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, query)
    while not (command := parser.nextCommand()).isNull():
        print(command.invoke(solver, parser.getSymbolManager()), end="", flush=True)


if __name__ == "__main__":
    main()
