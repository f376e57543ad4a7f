"""JupyterLab on the hub, as ./course lab sets it.

Labs answer promptly, saved lessons stay readable, and nothing is asked of the outside world.
"""

from traitlets.config import Config

from course_lib.cli import settings

c = get_config()  # noqa: F821 (Jupyter provides it)

c.merge(Config(settings.SERVER))
del c.ServerApp["jpserver_extensions"]  # here nbgrader is on, as the files beside this one say
# Not a login shell: Debian's forgets the course's programs.
c.ServerApp.terminado_settings = {"shell_command": ["bash"]}
