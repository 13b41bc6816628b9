//! Big-endian fields, one after the other. What lies behind the end reads as nothing and is not written.

pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[b]| b)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }
}

pub(super) struct Writer<'a> {
    buf: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, at: 0 }
    }

    pub(super) fn put(&mut self, field: &[u8]) -> Option<()> {
        let end = self.at + field.len();
        self.buf.get_mut(self.at..end)?.copy_from_slice(field);
        self.at = end;
        Some(())
    }

    /// The length, at least `len`; `None`: the buffer has no room for so much.
    pub(super) fn padded(self, len: usize) -> Option<usize> {
        let len = len.max(self.at);
        (len <= self.buf.len()).then_some(len)
    }
}
