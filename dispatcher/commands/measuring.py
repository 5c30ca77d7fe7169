"""Measuring: what Prometheus would read, for a person or a script."""

import json
import sys
import urllib.request
from typing import Any
from urllib.error import HTTPError

import click

from dispatcher.calls import OPENER
from dispatcher.commands.saying import AS_JSON
from dispatcher.exits import UNREACHABLE
from dispatcher.service import Service, refused, with_service


@click.command()
@click.option("--prom", is_flag=True, help="As Prometheus gets it, with all that is 0.")
@AS_JSON
@with_service
def metrics(*, prom: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- options
    """Print what Prometheus would read at the admin port: what is not 0, a line each."""
    text = _scraped(Service.found(**options, port="admin"))
    if prom:
        click.echo(text, nl=False)
        return
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    if as_json:
        click.echo(json.dumps([{"name": sample.name, "labels": sample.labels, "value": sample.value} for sample in samples]))
        return
    for sample in samples:
        if sample.value and not sample.name.endswith("_bucket"):
            click.echo("  ".join((f"{sample.value:>14.10g}", sample.name, *(f"{name}={value}" for name, value in sample.labels.items()))))


def _scraped(service: Service) -> str:
    request = urllib.request.Request(f"{service.url}/metrics", headers={"Authorization": f"Bearer {service.key}"})  # noqa: S310 -- the operator's word
    try:
        with OPENER.open(request, timeout=20) as answer:
            text: str = answer.read().decode()
    except HTTPError as error:
        sys.exit(refused(error))
    except (OSError, UnicodeDecodeError):
        click.echo("the API does not answer", err=True)
        sys.exit(UNREACHABLE)
    return text
