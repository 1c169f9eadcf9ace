# Runs a server until its standard input says a word or ends, as it does with the test that holds the other end, however
# that ends. "stop" and "crash" leave the folder for another start; no word means that nobody wants it any more.
folder=$1 program=$2
"$program" -D "$folder/data" </dev/null >>"$folder/log" 2>&1 &
server=$!
read -r word
case $word in
    crash) kill -QUIT $server ;;
    *) kill -INT $server ;;
esac
wait $server
[ -n "$word" ] || rm -rf "$folder"
