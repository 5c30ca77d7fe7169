"""Helm: the chart renders to what Kubernetes takes, confined, with settings that exist and every file they name."""

from typing import Any

import pytest

pytest.importorskip("helm_python")
pytest.importorskip("kubernetes_validate")

import helm_python
import jsonschema
import kubernetes_validate

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import variable
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.deploy.rendered import BULK, CHART, EVERYTHING, FAST, VALUES, environment, manifests, of_kind, programs
