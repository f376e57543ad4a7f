"""JupyterLab on the hub, as ./course lab sets it.

Labs answer promptly, saved lessons stay readable, and nothing is asked of the outside world.
"""

c = get_config()  # noqa: F821 (Jupyter provides it)

c.ServerApp.kernel_websocket_connection_class = "course_lib.server.PromptConnection"
c.FileContentsManager.pre_save_hook = "course_lib.server.keep_readable"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"
# Not a login shell: Debian's forgets the course's programs.
c.ServerApp.terminado_settings = {"shell_command": ["bash"]}
