from collections.abc import Iterator

import pytest

from support.kubernetes_api import KubernetesAPI


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    """An API server over plain HTTP that wants a token."""
    api = KubernetesAPI()
    yield api
    api.stop()
