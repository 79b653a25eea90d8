"""Owns the command line: words in, a flow or a look at the storage, lines and an exit code out.

Invariant: a mistake of the user's prints one line a fault and exits with 2, a failed run prints one
line and exits with 1; neither shows a traceback. Nothing heavy is imported before it is needed.
Does not know how anything is done.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from flows.catalogue import DESCRIPTIONS
from flows.commands import options, views
from flows.terminal import DEFAULT_CONFIG, common, declaration_of, fail, launch, quiet, say
from nightsort import logs
from nightsort.config.catalogue import PARAMS
from nightsort.config.serving import DEFAULT_POOL
from nightsort.errors import ConfigError, NightsortError, UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="nightsort")
def cli() -> None:
    """Learns the classes of your pictures and classifies every new one exactly once, every night."""


def _flow_command(name: str) -> click.Command:
    """A command with the flow's parameters."""

    @common
    def callback(as_json: bool, config: Path | None, storage: str | None, **given: Any) -> None:
        declaration = declaration_of(config, storage)
        asked = {key: value for key, value in given.items() if value not in (None, ())}
        launch(name, {**declaration.defaults(), **asked}, declaration, as_json)

    return click.command(name, params=options.of_model(PARAMS[name]), help=DESCRIPTIONS[name])(callback)


for _name in PARAMS:
    cli.add_command(_flow_command(_name))
for _view in views.COMMANDS:
    cli.add_command(_view)


@cli.command()
@click.argument("pipeline")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a parameter for this run.")
@common
def run(pipeline: str, settings: tuple[str, ...], as_json: bool, config: Path | None, storage: str | None) -> None:
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
    launch(flow, params, declaration, as_json)


@cli.command()
@common
def check(as_json: bool, config: Path | None, storage: str | None) -> None:
    """Check pipelines.yaml and name every fault."""
    declaration = declaration_of(config or DEFAULT_CONFIG, storage)
    when = {name: f", {item.schedule}" if item.schedule else "" for name, item in declaration.pipelines.items()}
    lines = [f"{name}: {item.flow}{when[name]}" for name, item in declaration.pipelines.items()]
    lines.append(f"{config or DEFAULT_CONFIG}: {len(lines)} pipelines, no fault; storage {declaration.storage}")
    say(lines, declaration.model_dump(), as_json)


@cli.command()
@common
def up(as_json: bool, config: Path | None, storage: str | None) -> None:
    """Start the Prefect server on loopback and serve every pipeline with its schedule."""
    from flows.deployment import serving

    serving.up(declaration_of(config or DEFAULT_CONFIG, storage))


@cli.command()
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


@cli.command()
@click.option("--data", type=click.Path(path_type=Path), help="Your own folder of class folders.")
@click.option("--into", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Where to work.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
def demo(data: Path | None, into: Path, as_json: bool) -> None:
    """Show the whole loop on handwritten digits, or on your own pictures."""
    quiet()
    from flows.actions.demo import demo as run_demo

    say(*run_demo(data, into, click.echo), as_json)


def main() -> None:
    """Entry point of the console script."""
    # Arrow's own allocator keeps what was freed: a quarter more memory at the peak of an ingest of 60,000 pictures.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Threads of torch that wait for one another spin: beside other work a training then takes twenty times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logs.install()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that everything is tidied up
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        fail("interrupted; run it again to complete it", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "nightsort"
        fail(f"{error.format_message().rstrip('.')}; see '{command} --help'", 2)
    except UserError as error:
        fail(str(error), 2)
    except NightsortError as error:
        fail(str(error), 1)


if __name__ == "__main__":
    main()
