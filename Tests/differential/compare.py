"""Whether two replies are equal, as far as they have to be. `rules.rule_of` names the rule.

Errors are equal when their texts are; unordered replies of RESP3 (sets) are compared as such everywhere.
"""

from .resp import Tree, is_error

NEAR = 5_000


def equal(rule: str, words: list[bytes], ours: Tree, theirs: Tree) -> bool:
    if ours == theirs:
        return True
    if is_error(ours) or is_error(theirs):
        return False
    if rule == "deep":
        return _sorted_deep(ours) == _sorted_deep(theirs)
    if rule == "exact" or rule == "full" and b"FULL" not in map(bytes.upper, words):
        return _canonical(ours) == _canonical(theirs)
    if rule == "order":
        return _sorted_once(ours, words) == _sorted_once(theirs, words)
    if rule == "near":
        return _near(ours, theirs)
    if rule == "limit":
        return any(word.upper() in (b"GT", b"LT") for word in words) and _limit_equal(ours, theirs)
    if rule == "sort":
        return _sort_equal(words, ours, theirs)
    if rule == "scan":
        return _scan_equal(words, ours, theirs)
    if rule == "kind":
        return type(ours) is type(theirs)
    return _shape(ours) == _shape(theirs)


def _canonical(tree: Tree) -> Tree:
    """With the elements of sets and the pairs of maps in one order."""
    if isinstance(tree, list):
        return [_canonical(item) for item in tree]
    if isinstance(tree, tuple) and len(tree) == 2 and isinstance(tree[1], list):
        items = [_canonical(item) for item in tree[1]]
        if tree[0] == "~":
            items.sort(key=repr)
        elif tree[0] == "%":
            items = sorted(zip(items[::2], items[1::2], strict=True), key=repr)
        return (tree[0], items)
    return tree


def _sorted_once(tree: Tree, words: list[bytes]) -> Tree:
    """With the elements of the outermost array in one order; HGETALL and its like by pairs."""
    tree = _canonical(tree)
    if not isinstance(tree, list):
        return tree
    if words[0].lower() in (b"hgetall", b"config") and len(tree) % 2 == 0:
        return sorted(zip(tree[::2], tree[1::2], strict=True), key=repr)
    return sorted(tree, key=repr)


def _sorted_deep(tree: Tree) -> Tree:
    """With the elements of every array in one order."""
    if isinstance(tree, list):
        return sorted((_sorted_deep(item) for item in tree), key=repr)
    if isinstance(tree, tuple) and len(tree) == 2 and isinstance(tree[1], list):
        return (tree[0], _sorted_deep(tree[1]))
    return tree


def _near(ours: Tree, theirs: Tree) -> bool:
    if isinstance(ours, int) and isinstance(theirs, int):
        return ours == theirs or (ours > 500 and theirs > 500 and abs(ours - theirs) <= NEAR)
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return all(_near(one, other) for one, other in zip(ours, theirs, strict=True))
    return ours == theirs


def _limit_equal(ours: Tree, theirs: Tree) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return all(_limit_equal(one, other) for one, other in zip(ours, theirs, strict=True))
    return ours == theirs or ours in (0, 1) and theirs in (0, 1)


def _sort_equal(words: list[bytes], ours: Tree, theirs: Tree) -> bool:
    if not isinstance(ours, list) or not isinstance(theirs, list) or len(ours) != len(theirs):
        return False
    lower = [word.lower() for word in words]
    if b"by" not in lower and b"get" not in lower:
        # ALPHA looks no further than a NUL.
        if b"alpha" not in lower or [_to_nul(item) for item in ours] != [_to_nul(item) for item in theirs]:
            return False
    return b"limit" in lower or sorted(ours, key=repr) == sorted(theirs, key=repr)


def _to_nul(item: Tree) -> Tree:
    return item.split(b"\0")[0] if isinstance(item, bytes) else item


def _scan_equal(words: list[bytes], ours: Tree, theirs: Tree) -> bool:
    if not all(isinstance(tree, list) and len(tree) == 2 for tree in (ours, theirs)):
        return False
    if ours[0] == theirs[0] == b"0" and words[2:3] == [b"0"] and words[0].lower() in (b"sscan", b"hscan", b"zscan"):
        return sorted(map(repr, ours[1])) == sorted(map(repr, theirs[1]))
    return isinstance(ours[0], bytes) and isinstance(ours[1], list)


def _shape(tree: Tree) -> Tree:
    """The kind of a reply; of maps, also their keys where these are words."""
    if isinstance(tree, tuple):
        if tree[0] == "%":
            return ("%", sorted(map(repr, tree[1][::2])))
        return tree[0]
    return type(tree).__name__
