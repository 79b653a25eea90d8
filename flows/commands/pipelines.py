"""Owns the commands that work with pipelines.yaml: run what it declares, check it, have it run by itself.

Invariant: nothing heavy is imported before it is needed. Does not know how a server is told.
"""

from pathlib import Path
from typing import Any

import click

from flows.commands import completing, options
from flows.commands.help import examples
from flows.commands.launching import launch
from flows.terminal import DEFAULT_CONFIG, common, declaration_of, dry_run, quiet, say
from nightsort.config.catalogue import PARAMS
from nightsort.config.serving import DEFAULT_POOL
from nightsort.disk import is_uri
from nightsort.errors import ConfigError


@click.command(
    epilog=examples("nightsort run nightly", "nightsort run train --set epochs=20 --set balance=oversampling")
)
@click.argument("pipeline", shell_complete=completing.pipelines)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a parameter for this run.")
@dry_run
@common
def run(
    pipeline: str, settings: tuple[str, ...], dry_run: bool, as_json: bool, config: Path | None, storage: str | None
) -> None:
    """Run a PIPELINE that pipelines.yaml declares, now."""
    declaration = declaration_of(config or DEFAULT_CONFIG, storage)
    params = declaration.params(pipeline).model_dump()
    flow = declaration.pipelines[pipeline].flow
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: must be KEY=VALUE")
        field = PARAMS[flow].model_fields.get(key)
        params[key] = value.split(",") if value and field and options.is_list(field) else value or None
    launch(flow, params, declaration, as_json, dry_run)


@click.command(
    epilog=examples("nightsort check", "nightsort check --explain train", "nightsort check --explain balance")
)
@click.option("--explain", is_flag=False, flag_value="", metavar="[WORD]", shell_complete=completing.settings,
              help="Instead, explain all settings; or a flow, a knob such as balance or train.epochs, a place such as "
              "compute.tls.")  # fmt: skip
@common
def check(explain: str | None, as_json: bool, config: Path | None, storage: str | None) -> None:
    """Check pipelines.yaml and name every fault; or explain what can be in it."""
    if explain is not None:
        from flows.actions import explaining

        return say(*explaining.explain(explain), as_json)
    declaration = declaration_of(config or DEFAULT_CONFIG, storage)
    lines = [_line(name, item) for name, item in declaration.pipelines.items()]
    lines.append(f"{config or DEFAULT_CONFIG}: {len(lines)} pipelines, no fault; storage {declaration.storage}")
    return say(lines, declaration.model_dump(), as_json)


def _line(name: str, pipeline: Any) -> str:
    when = f", {pipeline.schedule}" if pipeline.schedule else ""
    source = pipeline.parameters.get("source")
    absent = bool(source) and not is_uri(source) and not Path(source).exists()  # 'doctor' asks a bucket, too
    return f"{name}: {pipeline.flow}{when}" + (f"; {source} is not there yet" if absent else "")


@click.command(epilog=examples("nightsort up", "nightsort up --config /srv/nightsort/pipelines.yaml"))
@common
def up(as_json: bool, config: Path | None, storage: str | None) -> None:
    """Start the Prefect server on loopback and serve every pipeline with its schedule."""
    from flows.deployment import serving

    serving.up(declaration_of(config or DEFAULT_CONFIG, storage))


@click.command(epilog=examples("nightsort deploy --dry-run", "nightsort deploy --pool gpu --prune"))
@click.option("--pool", default=DEFAULT_POOL, show_default=True, help="Work pool of pipelines that name none.")
@click.option("--dry-run", is_flag=True, help="Only print the plan.")
@click.option("--prune", is_flag=True, help="Remove deployments that are no longer declared.")
@common
def deploy(pool: str, dry_run: bool, prune: bool, as_json: bool, config: Path | None, storage: str | None) -> None:
    """Make the server at PREFECT_API_URL have what pipelines.yaml declares; the plan is printed first."""
    quiet()
    from flows.deployment import deploying
    from flows.deployment import plan as deploy_plan

    def tell(lines: list[str]) -> None:
        if not as_json:
            say(lines, {}, False)

    steps = deploying.deploy(declaration_of(config or DEFAULT_CONFIG, storage), pool, tell, prune, dry_run)
    say([] if dry_run else ["deployed"], {"dry_run": dry_run, "steps": deploy_plan.as_object(steps)}, as_json)


COMMANDS = (run, check, up, deploy)
