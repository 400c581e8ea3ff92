# Turns vm.sh's results (KERNEL KIND NAME DETAIL, divided by tabs) into a Markdown table: a row for each
# capability that ringside reported and each thing that the check tried, a column for each kernel.
BEGIN { FS = "\t" }

!($1 in column) { column[$1] = ++columns; kernel[columns] = $1 }
$2 == "kernel" { kernel[column[$1]] = $3; next }
{
	row = $2 == "capability" ? "capability `" $3 "`" : $3
	if (!(row in known)) { known[row] = 1; rows[++count] = row }
	cell[row, column[$1]] = $2 == "pass" ? "pass" : $2 == "fail" ? "**FAIL**" : $2 == "skip" ? "skipped" : $4
}

END {
	printf "| |"
	for (c = 1; c <= columns; c++) printf " %s |", kernel[c]
	printf "\n|---|"
	for (c = 1; c <= columns; c++) printf "---|"
	print ""
	for (r = 1; r <= count; r++) {
		printf "| %s |", rows[r]
		for (c = 1; c <= columns; c++) printf " %s |", ((rows[r], c) in cell) ? cell[rows[r], c] : ""
		print ""
	}
}
