"""Bring edits that were made in Grafana back to the modules, as patches beside them.

What is brought back is what somebody changed since our deployment, see `threeway`; what the modules changed since stays
theirs. All of it is compared in the shape that modules are written in, so that the patch speaks their language. A field
that both sides changed is left out and reported, unless the caller takes Grafana's side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, Literal

from sedna_dash.deploy.grafana import Grafana, Health, clean
from sedna_dash.deploy.judging import as_we_left_it
from sedna_dash.deploy.marks import OWNED_TAG, tagged
from sedna_dash.deploy.noise import comparable
from sedna_dash.deploy.reading import Tick, read_dashboard, server_of, workers
from sedna_dash.deploy.record import read_record, record_uid
from sedna_dash.deploy.resources import LiveDashboard, Model, Version
from sedna_dash.deploy.sources import with_variables
from sedna_dash.deploy.threeway import Comparison, Detail, compared, detail, from_common_ground
from sedna_dash.errors import OutputError, SettingsError
from sedna_dash.render.difference import MISSING, Path, differences, dotted, merge, place, same, value_at
from sedna_dash.render.loading import LoadedDashboard
from sedna_dash.render.outline import ORDER, filled, outline
from sedna_dash.render.patches import Entry, changes_between, patch_file, patch_text
from sedna_dash.render.profiles import Profile, profile_for, restored, shaped
from sedna_dash.render.writing import replace_file
from sedna_dash.schemas import nearest

Saved = Sequence[tuple[Version, Mapping[str, Any]]]
Outcome = Literal["pulled", "conflict", "unchanged", "absent"]


@dataclass(frozen=True)
class Origin:
    """The Grafana that is pulled from, and what the settings say about it."""

    url: str
    health: Health
    bundle: str = "sedna"
    #: Values of variables that the settings give, and no module.
    variables: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def profile(self) -> Profile:
        return profile_for(self.health.version)

    @property
    def rewrites(self) -> bool:
        return server_of(self.health).rewrites

    def __str__(self) -> str:
        return f"{self.url} (Grafana {self.health.text or 'of unknown version'})"


@dataclass(frozen=True)
class Pulled:
    """What there is to bring back of one dashboard. ``text`` is the patch that ``file`` should hold: None when the file
    stays as it is, empty when it is to go. ``left`` are the changes that are not in it."""

    outcome: Outcome
    uid: str
    title: str
    file: FilePath
    reason: str = ""
    details: Sequence[Detail] = ()
    left: Sequence[Detail] = ()
    text: str | None = None
    #: The paths of those that the settings decide about.
    by_settings: Sequence[str] = ()


def pull(
    grafana: Grafana,
    dashboards: Sequence[LoadedDashboard],
    there: Origin,
    uids: Sequence[str] = (),
    *,
    theirs: bool = False,
    tick: Tick = lambda: None,
) -> list[Pulled]:
    """What there is to bring back of each dashboard, or of those that have these ``uids``. Nothing is written.

    Raises `SettingsError` for an unknown uid, and `GrafanaError`.
    """
    known = {found.uid: found for found in dashboards}
    for uid in uids:
        if uid not in known:
            raise SettingsError(f"no module has the dashboard '{uid}'{nearest(uid, known)}")
    with_variables([found.model for found in dashboards], there.variables)  # it tells unknown variables
    record_there = read_dashboard(grafana, record_uid(there.bundle))
    record = read_record(record_there.model) if record_there else None
    home = record.folder.uid if record else ""

    def one(uid: str) -> Pulled:
        wanted = _sent(known[uid].model, there)
        live = read_dashboard(grafana, uid, wanted, home, record=record, rewrites=there.rewrites)
        tick()
        return pulled(known[uid], live, there, theirs=theirs)

    with workers(grafana) as pool:
        return list(pool.map(one, uids or known))


def pulled(dashboard: LoadedDashboard, live: LiveDashboard | None, there: Origin, *, theirs: bool = False) -> Pulled:
    """What there is to bring back of one dashboard."""
    result = Pulled("unchanged", dashboard.uid, dashboard.title, patch_file(dashboard.module))
    if live is None or live.meta.get("isFolder"):
        return replace(result, outcome="absent", reason="is not in Grafana; sedna-dash deploy brings it there")
    if live.is_dynamic:
        reason = (
            "somebody saved it in the new dashboard format, which no patch can say; save it there in the classic one"
        )
        return replace(result, outcome="conflict", reason=reason)
    if live.as_wanted:
        # It equals the modules, and its content was dropped when that was found.
        return result
    ours = live.ours if live.bundle == there.bundle else None
    if ours and as_we_left_it(live, rewrites=there.rewrites):
        return result
    result = replace(result, reason=_moved(ours, live))
    view = _View(dashboard.model, there)
    here, now = view.outline(_sent(dashboard.model, there)), view.outline(live.model)
    left = view.keep_settings(here, now)
    by_settings = [item.path for item in left]
    since = live.models if ours else ()
    if since:
        # Who made an edit that we merged is no longer known: we saved it.
        saved: Sequence[tuple[Version, Mapping[str, Any]]] = [
            (Version(0) if version is ours else version, view.outline(model)) for version, model in since
        ]
        here = filled(here, saved[0][1]) if there.rewrites else here
        saved = from_common_ground(saved, here)
        base = saved[0][1]
        seen = compared(base, here, now, saved[1:])
        clashes = tuple(dotted(path) for path in seen.merged.clashes) if not theirs else ()
        merged = merge(base, now, here).value if theirs else seen.merged.value
    else:
        here = filled(here, now) if there.rewrites else here
        seen = Comparison(theirs=[detail(item, "live", (now, here), live.newest) for item in differences(here, now)])
        clashes, merged = (), now
    wanted = view.authored(here, merged, live.model)
    details = [item for item in seen.theirs if not item.path.startswith(clashes)]
    left = [*left, *(item for item in seen.theirs if item.path.startswith(clashes))]
    result = replace(result, outcome="conflict" if left else "unchanged", left=left, by_settings=by_settings)
    own = outline(dashboard.model)
    if next(differences(own, wanted), None) is None:
        return result
    entries = _entries(dashboard, wanted, details, live)
    heading = _heading(dashboard, live, there, known=bool(since))
    text = patch_text(dashboard.uid, entries, heading) if entries else ""
    return replace(result, outcome="conflict" if left else "pulled", details=details, text=text)


def write_patches(results: Iterable[tuple[Pulled, FilePath]]) -> None:
    """Write or remove the files. Raises `OutputError`."""
    for item, file in results:
        try:
            if item.text:
                replace_file(file, item.text.encode())
            elif item.text is not None:
                file.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"{file}: cannot be written ({error.strerror}); check its rights, or name another folder with --out"
            ) from error


@dataclass(frozen=True)
class _View:
    """Looks at dashboards of a Grafana in the shape that the module is written in."""

    module: dict[str, Any]
    there: Origin

    def outline(self, model: Model) -> dict[str, Any]:
        """The outline of a dashboard there, without what only looking at it changes."""
        result = restored(comparable(model), self.there.profile, self.module)
        tags = result.get("tags") or []
        if tags[-1:] == [OWNED_TAG] and OWNED_TAG not in (self.module.get("tags") or ()):
            result["tags"] = tags[:-1]
        return outline(result)

    def keep_settings(self, here: dict[str, Any], now: dict[str, Any]) -> list[Detail]:
        """Take the values of variables that the settings give for unchanged; says which somebody did change."""
        left = []
        for name in self.there.variables:
            path: Path = ("templating", "list", f"[{name}]")
            variable, given = value_at(now, path), value_at(here, (*path, "current"))
            if isinstance(variable, dict) and not same(variable.get("current"), given):
                change = differences(given, variable.get("current"), (*path, "current"))
                left += [detail(item, "live", (here, now)) for item in change]
                variable["current"] = given
        return left

    def authored(self, here: Any, merged: Any, live: Model) -> dict[str, Any]:
        """The module's outline with all in which ``merged`` differs from ``here``."""
        own = outline(self.module)
        result: dict[str, Any] = merge(here, merged, own).value
        # The comparison left out the text of a value, and which option is ticked; the patch has them.
        there = {item.get("name"): item for item in (live.get("templating") or {}).get("list") or ()}
        for name, raw in there.items():
            path = ("templating", "list", f"[{name}]")
            variable, before = value_at(result, path), value_at(own, path)
            for key in ("current", "options"):
                if isinstance(variable, dict) and key in variable and key in raw:
                    known = before.get(key, MISSING) if isinstance(before, Mapping) else MISSING
                    if not same(known, variable[key]):
                        variable[key] = raw[key]
        return result


def _sent(model: Mapping[str, Any], there: Origin) -> dict[str, Any]:
    """What deploy would send, but for the choice of datasources, which is nobody's edit."""
    variables = [item.get("name") for item in (model.get("templating") or {}).get("list") or ()]
    values = {name: value for name, value in there.variables.items() if name in variables}
    (result,) = with_variables([model], values)
    return tagged(shaped(result, there.profile))


def _moved(ours: Version | None, live: LiveDashboard) -> str:
    if ours is None or ours.mark is None or ours.mark.folder == live.folder:
        return ""
    folder = live.meta.get("folderTitle") or "General"
    return f"somebody moved it to the folder '{folder}', which no patch can say; move it back, or name it with --folder"


def _entries(
    dashboard: LoadedDashboard, wanted: dict[str, Any], details: Sequence[Detail], live: LiveDashboard
) -> list[Entry]:
    """The entries of the patch: those of the one that is there, as far as they still hold, and the new ones."""
    module = dashboard.unpatched or dashboard.model
    before = {entry.path: entry for entry in dashboard.patch.entries} if dashboard.patch else {}
    names = (outline(module), wanted)
    result = []
    for entry in changes_between(module, wanted):
        old = before.get(entry.path)
        unchanged = old is not None and same(old.value, entry.value)
        said = old.said if old and unchanged else _said(entry, names, details, live)
        result.append(replace(entry, said=said, title=_title(entry, names)))
    return result


def _said(entry: Entry, names: Sequence[Mapping[str, Any]], details: Sequence[Detail], live: LiveDashboard) -> str:
    """What was done, by whom and when, in words."""
    verb = "added" if entry.was is MISSING else "removed" if entry.value is MISSING else "changed"
    verb = "changed" if entry.path[-1] == ORDER else verb
    where = place(entry.path, *names)
    path = dotted(entry.path)
    about = [item for item in details if item.path.startswith(path) or path.startswith(item.path)]
    last = Version(about[-1].version or 0, "", about[-1].by, about[-1].when) if about else live.newest
    who = [f"by {last.by}" if last.by else "", f"at {last.when}" if last.when else ""]
    said = " ".join(filter(None, [where.field or entry.target[0], verb, *who]))
    return clean(f"{said}, version {last.number}" if last.number else said)


def _title(entry: Entry, names: Sequence[Mapping[str, Any]]) -> str:
    if entry.target[0] != "panel":
        return ""
    panels = (value_at(known, entry.path[:2]) for known in names)
    panel = next((panel for panel in panels if isinstance(panel, Mapping)), {})
    return str(panel.get("title") or panel.get("type") or "")


def _heading(dashboard: LoadedDashboard, live: LiveDashboard, there: Origin, *, known: bool) -> list[str]:
    name = dashboard.module.name
    lines = [
        f"Pulled from {there}, dashboard {dashboard.uid}, {live.newest}: edit, move into {name}, or delete at will."
    ]
    if not known:
        lines.append(f"What was last deployed is not known there, so this is all in which it differs from {name}.")
    return [clean(line) for line in lines]
