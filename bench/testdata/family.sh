# A server with a child and a grandchild in a session of its own; all of them
# ignore being asked to end, and the first says who they are.
trap '' TERM
sh -c 'trap "" TERM; setsid sleep 1000 & echo $!; wait' &
echo $!
wait
