#!/usr/bin/env python3
"""postgres.py - a PostgreSQL server of a test's own, which is gone with it.

    postgres.py PROGRAM [ARGS] [-- PROGRAM [ARGS]]...   runs each with TRELLIS_POSTGRES naming an empty database
    postgres.py --serve                                 prints the URL of an empty database; ends with its input

Where no server is installed it says so, and nothing fails."""
import glob
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile


def programs():
    """The newest server's folder, or None."""
    found = glob.glob('/usr/lib/postgresql/*/bin/initdb')
    return os.path.dirname(max(found, key=lambda path: int(path.split('/')[4]))) if found else None


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    """PostgreSQL refuses to run as root: then it runs as its own user."""

    def __init__(self, folder):
        self.bin = folder
        self.data = tempfile.mkdtemp(prefix='trellis-postgres-')
        self.port = free_port()
        self.user = 'postgres' if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            os.chown(self.data, pwd.getpwnam('postgres').pw_uid, -1)
        self.run('initdb', '-D', self.data + '/db', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync', '-U', 'postgres')
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.data} -c fsync=off -c synchronous_commit=off -c jit=off"
        self.run('pg_ctl', '-D', self.data + '/db', '-w', '-l', self.data + '/log', '-o', options, 'start')

    def run(self, name, *args):
        as_user = ['setpriv', f'--reuid={self.user}', '--clear-groups', '--'] if os.getuid() == 0 else []
        said = subprocess.run(as_user + [os.path.join(self.bin, name), *args], cwd='/', text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if said.returncode != 0:
            raise RuntimeError(f'{name}: {said.stdout}')

    def database(self, name):
        self.run('createdb', '-h', '127.0.0.1', '-p', str(self.port), '-U', 'postgres', name)
        return f'postgres://postgres@127.0.0.1:{self.port}/{name}'

    def end(self):
        try:
            self.run('pg_ctl', '-D', self.data + '/db', '-m', 'immediate', 'stop')
        finally:
            shutil.rmtree(self.data, ignore_errors=True)


def split(args):
    """The lists between the '--'."""
    lists = [[]]
    for arg in args:
        if arg == '--':
            lists.append([])
        else:
            lists[-1].append(arg)
    return [one for one in lists if one]


def main(args):
    folder = programs()
    if not folder:
        print('skipped: no PostgreSQL server\n0 passed, 0 failed, 1 skipped')
        return 0
    server = Server(folder)
    try:
        if args == ['--serve']:
            print(server.database('index'), flush=True)
            sys.stdin.read()
            return 0
        code = 0
        for number, command in enumerate(split(args)):
            env = dict(os.environ, TRELLIS_POSTGRES=server.database(f'test{number}'))
            code = subprocess.run(command, env=env, check=False).returncode or code
        return code
    finally:
        server.end()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
