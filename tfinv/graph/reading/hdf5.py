"""What an HDF5 file may be made of when a stranger wrote it: groups and arrays, all of its own."""

from __future__ import annotations

import h5py

from tfinv.errors import UserError

__all__ = ["UNREADABLE", "stored_numbers"]

#: What h5py raises for damaged files.
UNREADABLE = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, RecursionError)

_MAX_OBJECTS = 100_000
_MAX_RATIO = 100  # weights hardly compress
_ALWAYS_FINE = 1 << 20  # bytes that an array may claim whatever is stored of it

# Filters that are part of HDF5 and h5py. Others are libraries that HDF5 would look for and load.
_FILTERS = frozenset(
    {
        h5py.h5z.FILTER_DEFLATE,
        h5py.h5z.FILTER_SHUFFLE,
        h5py.h5z.FILTER_FLETCHER32,
        h5py.h5z.FILTER_SZIP,
        h5py.h5z.FILTER_NBIT,
        h5py.h5z.FILTER_SCALEOFFSET,
        h5py.h5z.FILTER_LZF,
    }
)


def stored_numbers(file: h5py.File, path: str) -> int:
    """Counts the numbers in the arrays of a file, and refuses what reaches outside of it.

    Args:
      file: an open file, of which nothing has been read.
      path: its name, for messages.

    Raises:
      UserError: a link other than that of a group to its own member, an array whose values are in
        another file, behind a filter that HDF5 does not have, or that claims more than is stored.
    """
    total, seen, stack = 0, set(), [file["/"]]
    while stack:
        group = stack.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        for name in group:
            where = f"{group.name.rstrip('/')}/{name}"
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                target = getattr(link, "filename", None) or getattr(link, "path", "?")
                raise UserError(f"{path}: refused, because {where!r} is a link to {target!r}")
            item = group[name]
            if isinstance(item, h5py.Group):
                stack.append(item)
            elif isinstance(item, h5py.Dataset):
                _check(item, where, path)
                total += item.size or 0
        if len(seen) + len(stack) > _MAX_OBJECTS:
            raise UserError(f"{path}: refused, because it has over {_MAX_OBJECTS} groups")
    return total


def _check(array: h5py.Dataset, where: str, path: str) -> None:
    created = array.id.get_create_plist()
    if array.is_virtual or created.get_external_count():
        raise UserError(f"{path}: refused, because the values of {where!r} are in another file")
    filters = {created.get_filter(i)[0] for i in range(created.get_nfilters())}
    if filters - _FILTERS:
        raise UserError(
            f"{path}: refused, because {where!r} is packed by filter {min(filters - _FILTERS)}, "
            "which is no part of HDF5; save it again without"
        )
    claimed, stored = array.nbytes, array.id.get_storage_size()
    if claimed > max(_ALWAYS_FINE, _MAX_RATIO * stored):
        raise UserError(
            f"{path}: refused, because {where!r} claims {claimed} bytes and holds {stored}"
        )
