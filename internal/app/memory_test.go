package app

import "testing"

func TestSmallHeapsGetRoomAndLargeOnesLittle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kept uint64
		want int
	}{
		{0, mostPercent}, {1 << 20, mostPercent}, {16 << 20, 400}, {64 << 20, 100}, {256 << 20, leastPercent}, {8 << 30, leastPercent},
	} {
		if got := percentFor(c.kept); got != c.want {
			t.Errorf("percentFor(%d MiB) = %d, want %d", c.kept>>20, got, c.want)
		}
	}
}
