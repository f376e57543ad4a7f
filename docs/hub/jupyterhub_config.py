"""A JupyterHub for this course on one Linux server: accounts of the system, one exchange.

tools/hub.py copies this file into the folder it works in; docs/hub.md leads you through it. Write
settings of your own into local_config.py beside it: no update touches that.
"""

import grp
import os
import pwd
from pathlib import Path

c = get_config()  # noqa: F821 (JupyterHub provides it)

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "env" / "bin"

# Put a web server with a certificate in front of it; nobody else reaches this address.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"

# Only members of these groups of the system come in, each with the password of their account.
c.JupyterHub.authenticator_class = "pam"
c.LocalAuthenticator.allowed_groups = {"students", "instructors"}

# A server of one's own, as oneself. start.py opens JupyterLab with the lessons in ~/course.
c.Spawner.cmd = [str(PROGRAMS / "python"), "-P", str(HERE / "start.py")]
c.Spawner.default_url = "/lab/tree/course/notebooks/00_start_here.ipynb"
c.Spawner.environment = {
    "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",  # nbgrader calls its programs by name
    "COURSE_EXCHANGE": str(HERE / "exchange"),
    "JUPYTER_CONFIG_PATH": str(HERE / "everyone"),
}


def instructors_tools(spawner):
    """Give the group instructors the formgrader."""
    account = pwd.getpwnam(spawner.user.name)
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    if grp.getgrnam("instructors").gr_gid in groups:
        settings = f"{HERE / 'instructors'}:{HERE / 'everyone'}"
        spawner.environment["JUPYTER_CONFIG_PATH"] = settings
        spawner.default_url = "/lab"


c.Spawner.pre_spawn_hook = instructors_tools

# Only root reads what the hub remembers.
c.JupyterHub.db_url = f"sqlite:///{HERE / 'state' / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(HERE / "state" / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(HERE / "state" / "proxy.pid")
proxy = HERE / "proxy" / "node_modules" / ".bin" / "configurable-http-proxy"
c.ConfigurableHTTPProxy.command = [str(PROGRAMS / "node"), str(proxy)]

if (HERE / "local_config.py").is_file():
    load_subconfig("local_config.py", path=str(HERE))  # noqa: F821 (JupyterHub provides it)
