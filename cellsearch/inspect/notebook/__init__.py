"""What notebooks show: cells with pictures and equations; studies, comparisons and profiles with tables and plots."""
