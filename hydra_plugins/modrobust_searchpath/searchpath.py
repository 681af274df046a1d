"""Finds a user's own YAML files in ./conf of the current folder, so that the package need not be edited."""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class CurrentFolder(SearchPathPlugin):
    """Adds the current folder's conf/, where there is one, before modrobust's own: its recipes and options win.

    One that has a config.yaml is a whole configuration, perhaps of another program; it comes behind.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        own = Path.cwd() / "conf"
        if (own / "config.yaml").exists():
            search_path.append("modrobust-user", f"file://{own}")
        elif own.is_dir():
            search_path.prepend("modrobust-user", f"file://{own}")
