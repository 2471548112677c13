"""What a dashboard of ours consists of, and how it becomes one of Grafana's."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    VariableModel,
    VariableRefresh,
    VariableSort,
)

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="$datasource")
TAG: Final = "maestro"
_WIDTH: Final = 24
_HEIGHT: Final = 8


class Unit(StrEnum):
    """Units of Grafana that we use."""

    COUNT = "short"
    PER_SECOND = "ops"
    SHARE = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"


class Kind(StrEnum):
    """How a panel shows its series."""

    LINES = "lines"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and what its series are called; `{{label}}` takes a label's value."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `description` says what it means when the line moves."""

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    kind: Kind = Kind.LINES


@dataclass(frozen=True, slots=True)
class Section:
    """Panels of one row, of equal width."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard.

    Attributes:
        name: of its file and its address.
        job: pattern of the jobs that it is about.
    """

    name: str
    title: str
    description: str
    sections: tuple[Section, ...]
    job: str = "maestro-.*"


def as_json(board: Board) -> str:
    """The dashboard as Grafana reads it from a file."""
    built = (
        dashboard.Dashboard(board.title)
        .uid(f"{TAG}-{board.name}")
        .description(board.description)
        .tags([TAG])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .variables(_variables(board))
        .link(dashboard.DashboardLink("Maestro").tags([TAG]).as_dropdown(True).include_vars(True).keep_time(True))
    )
    number = 0
    for section in board.sections:
        number += 1
        built = built.with_row(dashboard.Row(section.title).id(number))
        for panel in section.panels:
            number += 1
            built = built.with_panel(_panel(panel, _WIDTH // len(section.panels)).id(number))
    text: str = JSONEncoder(sort_keys=True, indent=2).encode(built.build())
    return text + "\n"


def _variables(board: Board) -> list[Builder[VariableModel]]:
    def query(name: str, label: str, text: str) -> dashboard.QueryVariable:
        return (
            dashboard.QueryVariable(name)
            .label(label)
            .datasource(SOURCE)
            .query(text)
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
            .multi(True)
            .include_all(True)
            .all_value(".+")
        )

    return [
        dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        query("job", "Job", f'label_values(up{{job=~"{board.job}"}}, job)'),
        query("instance", "Instance", 'label_values(up{job=~"$job"}, instance)'),
    ]


def _panel(panel: Panel, width: int) -> timeseries.Panel | stat.Panel:
    targets: list[Builder[Dataquery]] = [
        prometheus.Dataquery()
        .expr(query.expression)
        .legend_format(query.legend)
        .ref_id(chr(ord("A") + position))
        .datasource(SOURCE)
        .range()
        for position, query in enumerate(panel.queries)
    ]
    built: timeseries.Panel | stat.Panel = _lines() if panel.kind is Kind.LINES else _number()
    return (
        built.title(panel.title)
        .description(panel.description)
        .unit(panel.unit.value)
        .datasource(SOURCE)
        .targets(targets)
        .span(width)
        .height(_HEIGHT if panel.kind is Kind.LINES else _HEIGHT // 2)
    )


def _lines() -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )
    return (
        timeseries.Panel()
        .min(0)
        .fill_opacity(8)
        .legend(legend)
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )


def _number() -> stat.Panel:
    newest = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    return stat.Panel().reduce_options(newest).graph_mode(BigValueGraphMode.AREA)
