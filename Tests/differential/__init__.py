"""The judge of "every command works through the port": the same random commands go to Keyway over four shards and to
one real server, and the replies must be equal. `python3 -m differential --help`, from the folder Tests/.

The path of a command: `grammar` (what the server says of its arguments) with `vocabulary` (words that meet data) makes
`stream` (batches over several connections); `runner` plays a chapter of them on both sides; `compare` judges replies by
what `rules` allow; `contents` compares all data afterwards; `shrink` makes a small reproduction of a difference.
`channels` and `waiting` are scenes of several connections: pub/sub, and blocking commands that really wait.

Standard library only.
"""
