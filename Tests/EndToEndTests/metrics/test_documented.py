"""docs/metrics.md tells the type and the labels of every metric, and of no other."""

from collections.abc import Iterator
from functools import partial

import pytest

from support.documented_metrics import differences, documented, exposed, mistakes, unexplained
from support.fleet import Workbench
from support.kubernetes_api import KubernetesAPI
from support.metrics import page, samples
from support.ports import free_port
from support.raw_http import ask
from support.waiting import wait_for


@pytest.fixture
def kubernetes() -> Iterator[KubernetesAPI]:
    api = KubernetesAPI()
    yield api
    api.stop()


def test_types_labels_and_their_values_are_those_of_both_pages(bench: Workbench, kubernetes: KubernetesAPI) -> None:
    """Both pages at once, with all that makes series: discovery, a worker, a pick, a data plane."""
    ports = free_port(), free_port()
    control_plane = bench.control_plane("--prometheus-port", ports[0], "--service-discovery", "--selector", "app=none",
                                        "--kubeconfig", kubernetes.kubeconfig(bench.folder / "kubeconfig"))
    plane = bench.data_plane(control_plane.control_socket, "--prometheus-port", ports[1])
    assert control_plane.admin.add_worker(bench.worker().url).status_code == 200
    bench.wait_ready(plane)
    assert ask(plane.port, "POST", "/generate", b'{"text":"x"}').status == 200
    for name in ("signalbox_data_plane_budget_used_bytes", "sgl_router_policy_decisions_total"):
        wait_for(f"a sample of {name}", partial(samples, ports[0], name))
    rows = documented()
    whole = {name: row for name, row in rows.items() if row.alone != "only"}
    alone = {name: row for name, row in rows.items() if row.alone}
    for page_rows, port in ((whole, ports[0]), (alone, ports[1])):
        text = page(port)
        shown = exposed(text)
        assert differences(page_rows, shown) == []
        assert unexplained(page_rows, text) == set()
        # Whatever row is wrong, in whatever way, it would have been found.
        assert [wrong for name in page_rows for wrong in mistakes(page_rows, name) if not differences(wrong, shown)] == []
