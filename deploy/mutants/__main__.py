"""`make mutants AREA=conditions SEED=1 COUNT=45`: what can be changed and no test notices."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.syntax import Syntax

from deploy.local.services import ROOT
from deploy.mutants.areas import AREAS, area_named
from deploy.mutants.equivalent import entry, outdated, read_equivalents
from deploy.mutants.errors import MutantsError
from deploy.mutants.finding import Mutant
from deploy.mutants.running import Outcome, hold_against, learn, worker
from deploy.mutants.sampling import all_mutants, name_of, sample
from deploy.mutants.servers import test_servers

_KEPT = ROOT / ".mutants"
_ENOUGH = 0.95


def mutants(
    area: Annotated[str, typer.Argument(help=", ".join(AREAS))],
    *,
    seed: Annotated[str, typer.Option(help="Draws the changes; several with commas.")] = "1",
    count: Annotated[int, typer.Option(help="How many changes a seed.", min=1)] = 45,
    jobs: Annotated[int, typer.Option(help="How many at a time.", min=1)] = 2,
    only: Annotated[str, typer.Option(help="Names of changes, with commas.")] = "",
    verbose: Annotated[bool, typer.Option(help="Say who noticed.")] = False,
) -> None:
    """Change the code at random, one change at a time, and show what no test notices."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        chosen = _choose(area, [int(one) for one in seed.split(",")], count, only, console)
        outcomes = asyncio.run(_run(area, chosen, jobs, console, verbose=verbose))
    except MutantsError as error:
        console.print(str(error), markup=False)
        raise typer.Exit(2) from error
    _report(area, chosen, outcomes, console)
    killed = sum(outcome.killed for outcome in outcomes)
    raise typer.Exit(0 if killed >= _ENOUGH * len(outcomes) else 1)


def _choose(
    area: str, seeds: list[int], count: int, only: str, console: Console
) -> dict[str, list[Mutant]]:
    """The changes of each seed, less those that are known to change no behaviour."""
    every = all_mutants(area_named(area), ROOT)
    listed = read_equivalents(area)
    for fingerprint in outdated(listed, every):
        console.print(f"on the list, and no longer in the code: {fingerprint}", markup=False)
    if only:
        names = only.split(",")
        return {"asked for": [mutant for mutant in every if name_of(mutant) in names]}
    telling = [mutant for mutant in every if mutant.fingerprint not in listed]
    console.print(f"{area}: {len(every)} changes, {len(every) - len(telling)} change no behaviour")
    return {f"seed {seed}": sample(telling, seed, count) for seed in seeds}


async def _run(
    area: str, chosen: dict[str, list[Mutant]], jobs: int, console: Console, *, verbose: bool
) -> list[Outcome]:
    def tell(outcome: Outcome) -> None:
        if verbose or not outcome.killed:
            console.print(_story(outcome), markup=False)
        else:
            console.print(".", end="")

    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="mutants-")))
        environment = await stack.enter_async_context(test_servers(directory))
        workers = [
            await stack.enter_async_context(worker(ROOT, directory / f"tree-{number}", environment))
            for number in range(jobs)
        ]
        covered = await learn(workers[0], area_named(area), ROOT, _KEPT / area)
        took = sum(covered.seconds.values())
        console.print(f"{len(covered.seconds)} tests take {took:.0f} s with nothing changed")
        different = {name_of(one): one for drawn in chosen.values() for one in drawn}
        return await hold_against(workers, list(different.values()), covered, tell)


def _story(outcome: Outcome) -> str:
    mutant = outcome.mutant
    fate = "killed  " if outcome.killed else "SURVIVED"
    noticed = [line for line in outcome.said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    who = noticed[0] if noticed and outcome.killed else f"{outcome.tests} tests"
    line = f"{mutant.path}:{mutant.first_line}"
    return f"\n{fate} {name_of(mutant)} {line} {outcome.seconds:.1f} s  {who}"


def _report(
    area: str, chosen: dict[str, list[Mutant]], outcomes: list[Outcome], console: Console
) -> None:
    lived = {name_of(outcome.mutant) for outcome in outcomes if not outcome.killed}
    console.print("")
    for outcome in outcomes:
        if outcome.killed:
            continue
        mutant = outcome.mutant
        console.print(f"\n{name_of(mutant)}: {outcome.tests} tests did not notice", markup=False)
        original = (ROOT / mutant.path).read_text(encoding="utf-8")
        console.print(Syntax(mutant.diff(original), "diff", background_color="default"))
        console.print(entry(mutant), markup=False)
    for title, drawn in chosen.items():
        alive = sum(name_of(mutant) in lived for mutant in drawn)
        share = (len(drawn) - alive) / max(1, len(drawn))
        console.print(
            f"{area}, {title}: {len(drawn) - alive} of {len(drawn)} noticed ({share:.1%})"
        )


if __name__ == "__main__":
    typer.run(mutants)
