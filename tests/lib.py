"""What the Python-driven tests share: a server as a child process, and a small HTTP client."""
import http.client, json, os, signal, socket, subprocess, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, program, data, *options, env=None, log=None):
        self.program, self.data, self.options = program, data, options
        self.env = {**os.environ, **(env or {})}
        self.port = free_port()
        self.log = open(log or os.devnull, 'ab')
        self.process = None

    def start(self, timeout=20):
        """Returns the seconds until it answered."""
        begin = time.time()
        self.process = subprocess.Popen([self.program, 'server', 'local', '--port', str(self.port), '--data', self.data, *self.options],
                                        stdout=self.log, stderr=self.log, env=self.env, start_new_session=True)
        while True:
            try:
                status, _ = self.call('GET', '/ping', base='')
                if status == 200:
                    return time.time() - begin
            except OSError:
                pass
            if self.process.poll() is not None:
                raise RuntimeError(f'the server ended with {self.process.returncode} at start')
            if time.time() - begin > timeout:
                raise RuntimeError('the server does not answer')
            time.sleep(0.002)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                return self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode if self.process else None

    def call(self, method, path, body=None, ctype=None, base='/api/v1', timeout=30):
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            c.request(method, base + path, body=body, headers={'Content-Type': ctype} if ctype else {})
            r = c.getresponse()
            return r.status, r.read()
        except http.client.HTTPException as e:
            raise OSError(str(e))
        finally:
            c.close()

    def json(self, method, path, body=None, ctype=None, **more):
        status, text = self.call(method, path, body, ctype, **more)
        return status, json.loads(text) if text else None
