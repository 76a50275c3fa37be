package linux

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// copyPiece is how much Copy moves between two looks at its deadline, in bytes.
const copyPiece = 4 << 20

// Copy copies the bytes [from, to) of src to the same place of dst, inside the kernel where it can (copy_file_range: on file
// systems that share extents nothing is written at all). Holes stay holes where the file system tells of them, so dst may
// end before to. goOn is asked before each piece; its error ends the copy. A src that ends before to is io.ErrUnexpectedEOF.
func Copy(dst, src *os.File, from, to int64, goOn func() error) error {
	for from < to {
		if err := goOn(); err != nil {
			return err
		}
		data, err := SeekData(src, from)
		if err != nil {
			return err
		}
		if data < 0 || data >= to { // nothing but a hole
			info, err := Fstat(src)
			if err == nil && info.Size < to {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		from = data
		n, err := copyRange(dst, src, from, min(to-from, copyPiece))
		if err != nil {
			return fmt.Errorf("copy to %s: %w", dst.Name(), err)
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		from += n
	}
	return nil
}

// copyRange copies up to n bytes at off, through memory where the kernel cannot do it alone.
func copyRange(dst, src *os.File, off, n int64) (int64, error) {
	in, out := off, off
	got, err := unix.CopyFileRange(int(src.Fd()), &in, int(dst.Fd()), &out, int(n), 0)
	switch {
	case err == nil && got > 0:
		return int64(got), nil
	case err != nil && !errors.Is(err, unix.EXDEV) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) &&
		!errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EPERM):
		return 0, err
	}
	// Also where the call says that there is nothing although there is, as some virtual file systems do.
	return io.Copy(io.NewOffsetWriter(dst, off), io.NewSectionReader(src, off, n))
}
