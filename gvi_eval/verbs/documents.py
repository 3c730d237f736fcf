"""What follows from saved results: claims audited, plans followed, reports in three languages, and an index of them all."""

from collections.abc import Callable
from pathlib import Path

from gvi_eval.executor import Executor, map_tasks

AUDIT = "audit"


def write_documents(out: Path, studies: list[str], executor: Executor, done: Callable[[str], None]) -> None:
    """Write the audit of every embedded claim, every monitoring plan, their reports and those of the studies, and the index.

    Reads the results in ``out``; nothing is estimated but what the arithmetic of a claim asks for.
    """
    from gvi_eval.indicators import embedded_plans
    from gvi_eval.report.index import write_index

    plans = embedded_plans()
    first = {AUDIT: (str(out), AUDIT)} | {plan: (str(out), plan) for plan in plans}
    map_tasks(follow_task, first, executor=executor, batch=1, done=lambda finished, of: done(f"{finished} of {of} followed"))
    folders = {name: (str(out / name), name) for name in studies if (out / name / "effects.csv").is_file()}
    folders |= {AUDIT: (str(out / AUDIT), "")} | {plan: (str(out / "monitoring" / plan), "") for plan in plans}
    map_tasks(report_task, folders, executor=executor, batch=1, done=lambda finished, of: done(f"{finished} of {of} reports"))
    write_index(out)


def follow_task(inputs: tuple[str, str], seed: int) -> int:
    """The audit of all claims, or one plan, for the executor; how many claims or outcomes were looked at."""
    out, name = Path(inputs[0]), inputs[1]
    if name != AUDIT:
        from gvi_eval.indicators import find_plan, load_plan
        from gvi_eval.monitoring import publish_plan
        from gvi_eval.readings import follow

        monitoring = follow(load_plan(find_plan(name)))
        publish_plan(monitoring, out / "monitoring" / name)
        return len(monitoring.plan.indicators)
    from gvi_eval.claims.audit import audit, write_audit
    from gvi_eval.claims.declared import find_claims
    from gvi_eval.claims.published import Shelf
    from gvi_eval.figures.audit import draw_audit

    shelf = Shelf(out)
    verdicts = audit(find_claims("all"), shelf)
    write_audit(verdicts, out / AUDIT, shelf)
    draw_audit(out / AUDIT)
    return len(verdicts)


def report_task(inputs: tuple[str, str], seed: int) -> int:
    """The reports of one folder of results, for the executor; how many files were written."""
    from gvi_eval.plan import find_study
    from gvi_eval.report.write import write_reports

    folder, study = inputs
    return len(write_reports(Path(folder), find_study(study) if study else None)["files"])
