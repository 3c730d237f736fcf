"""`gvi-eval completion`: the shell finishes verbs and options."""

import click


@click.command(short_help="Print the script with which a shell completes verbs and options.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script for SHELL; 'eval "$(gvi-eval completion bash)"' in ~/.bashrc, or the like, makes it known."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)(ctx.find_root().command, {}, "gvi-eval", "_GVI_EVAL_COMPLETE")
    click.echo(made.source())
