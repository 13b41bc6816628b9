"""A transparent box on a router that cuts TLS by the name in the ClientHello; anything else is passed on."""
import socket, struct, sys, threading

PORT, CUT = int(sys.argv[1]), sys.argv[2].encode()


def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    original = client.getsockopt(socket.SOL_IP, 80, 16)
    port, address = struct.unpack("!2xH4s8x", original)
    hello = client.recv(65536)
    if CUT in hello:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        return
    server = socket.create_connection((socket.inet_ntoa(address), port))
    server.sendall(hello)
    threading.Thread(target=pump, args=(server, client), daemon=True).start()
    pump(client, server)


listening = socket.create_server(("0.0.0.0", PORT))
print("ready", flush=True)
while True:
    connection, _ = listening.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
